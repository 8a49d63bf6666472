/** Parses a client's `POST /abort_request`, and matches it with the names of requests. */
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
  // Copied, because TextDecoder rejects shared memory, which large bodies are kept in.
  const order = parseJson(new TextDecoder().decode(new Uint8Array(body)))
  if (typeof order !== 'object' || order === null || Array.isArray(order)) return undefined
  const { rid, abort_all: all } = order as { rid?: unknown; abort_all?: unknown }
  if (!isAbsentOr('string', rid) || !isAbsentOr('boolean', all)) return undefined
  if (all === true) return { rid: undefined }
  return typeof rid === 'string' && rid !== '' ? { rid } : 'nothing'
}

function isAbsentOr(type: 'string' | 'boolean', value: unknown): boolean {
  return value === undefined || value === null || typeof value === type
}

/** What the name of prompt i of a batch has after that of the batch, if the client names only the batch; see `partRid`. */
const PROMPT_SUFFIX = /^_\d+$/

/**
 * What an abort of `rid` means for a request whose client has named it `clientRid`, a text or a list with one for each
 * prompt: all of it, one prompt of several, or nothing. `earlier`: prompts that were aborted before; with the last one the
 * whole request is aborted. Whether the request has a prompt of that name is not checked.
 */
export function abortedShare(
  rid: string,
  clientRid: unknown,
  earlier: readonly string[] = [],
): 'all' | 'prompt' | 'nothing' {
  if (Array.isArray(clientRid)) return shareOfList(rid, clientRid, earlier)
  if (clientRid === rid) return 'all'
  const isBatch = typeof clientRid === 'string' && rid.startsWith(clientRid)
  return isBatch && PROMPT_SUFFIX.test(rid.slice(clientRid.length)) ? 'prompt' : 'nothing'
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
