/** Parses a client's `POST /abort_request`, and matches it with requests that have not reached an engine yet. */
import { parseJson } from './text/parse-json.ts'

export interface AbortOrder {
  /** Request id to abort; `undefined` aborts all requests. */
  readonly rid: string | undefined
}

/**
 * Reads an abort order. An empty rid matches nothing, as in engines. Returns `undefined` if the body is not a JSON object, or if
 * a field has a type that engines refuse, too.
 */
export function readAbortOrder(body: Uint8Array): AbortOrder | 'nothing' | undefined {
  const order = parsed(body)
  if (typeof order !== 'object' || order === null || Array.isArray(order)) return undefined
  const { rid, abort_all: all } = order as { rid?: unknown; abort_all?: unknown }
  if (!isAbsentOr('string', rid) || !isAbsentOr('boolean', all)) return undefined
  if (all === true) return { rid: undefined }
  return typeof rid === 'string' && rid !== '' ? { rid } : 'nothing'
}

function isAbsentOr(type: 'string' | 'boolean', value: unknown): boolean {
  return value === undefined || value === null || typeof value === type
}

/** Matches texts that have a single representation in JSON. */
const PLAIN = /^[\w .:@-]+$/
/** Of the name that prompt i of a batch has if the client names only the batch; see `partRid`. */
const PROMPT_SUFFIX = /_\d+$/

/** Larger bodies are not parsed, because many may wait: the router thread that gets the request looks for its rid. */
const MATCHED_BYTES = 262_144

/**
 * What the order names of the request with this body, by the rids that the client put into it: all of it, one prompt of
 * several, or nothing. `earlier`: prompts that were aborted before; with the last one the whole request is aborted.
 * Whether the request has a prompt of that name is not checked.
 *
 * The body is unparsed: a search for the bytes of the rid excludes most bodies, and only one that contains them is parsed.
 */
export function abortedShare(
  order: AbortOrder,
  body: Uint8Array,
  earlier: readonly string[] = [],
): 'all' | 'prompt' | 'nothing' {
  const { rid } = order
  if (rid === undefined) return 'all'
  if (body.length > MATCHED_BYTES) return 'nothing'
  const batch = rid.replace(PROMPT_SUFFIX, '')
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (![rid, batch].some(name => bytes.includes(PLAIN.test(name) ? `"${name}"` : '"rid"'))) return 'nothing'
  const request = parsed(body)
  if (typeof request !== 'object' || request === null) return 'nothing'
  const { rid: clientRid } = request as { rid?: unknown }
  if (Array.isArray(clientRid)) return shareOfList(rid, clientRid, earlier)
  if (clientRid === rid) return 'all'
  return clientRid === batch ? 'prompt' : 'nothing'
}

function shareOfList(
  rid: string,
  names: readonly unknown[],
  earlier: readonly string[],
): 'all' | 'prompt' | 'nothing' {
  if (!names.includes(rid)) return 'nothing'
  const aborted = new Set<unknown>([...earlier, rid])
  return names.every(name => aborted.has(name)) ? 'all' : 'prompt'
}

/** Returns `undefined` if the body is not JSON. */
function parsed(body: Uint8Array): unknown {
  // Copied, because TextDecoder rejects shared memory, which large bodies are kept in.
  return parseJson(new TextDecoder().decode(new Uint8Array(body)))
}
