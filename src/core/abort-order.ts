/** Parses a client's `POST /abort_request`, and matches it with requests that have not reached an engine yet. */
import { GatewayError } from './errors.ts'
import { parseJson } from './text/parse-json.ts'

export interface AbortOrder {
  /** Request id to abort; `undefined` aborts all requests. */
  readonly rid: string | undefined
}

/** Reads an abort order. An empty rid matches nothing, as in engines. Returns `undefined` if the body is not a JSON object. */
export function readAbortOrder(body: Uint8Array): AbortOrder | 'nothing' | undefined {
  const order = parsed(body)
  if (typeof order !== 'object' || order === null) return undefined
  const { rid, abort_all: all } = order as { rid?: unknown; abort_all?: unknown }
  if (all === true) return { rid: undefined }
  return typeof rid === 'string' && rid !== '' ? { rid } : 'nothing'
}

/** The error that an SGLang engine returns for a queued request that it aborts. */
export function abortedError(): GatewayError {
  return new GatewayError('engine-error', 'Aborted by AbortReq.', {
    status: 500,
    engineCode: 500,
    retryable: false,
  })
}

/** Matches texts that have a single representation in JSON. */
const PLAIN = /^[\w .:@-]+$/

/**
 * Whether the order names the request with this body, by the rid that the client put into it. The body is unparsed:
 * a search for the bytes of the rid excludes most bodies, and only a body that contains them is parsed.
 */
export function matchesAbort(order: AbortOrder, body: Uint8Array): boolean {
  const { rid } = order
  if (rid === undefined) return true
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!bytes.includes(PLAIN.test(rid) ? `"${rid}"` : '"rid"')) return false
  const request = parsed(body)
  if (typeof request !== 'object' || request === null) return false
  const { rid: clientRid } = request as { rid?: unknown }
  return Array.isArray(clientRid) ? clientRid.includes(rid) : clientRid === rid
}

/** Returns `undefined` if the body is not JSON. */
function parsed(body: Uint8Array): unknown {
  // Copied, because TextDecoder rejects shared memory, which large bodies are kept in.
  return parseJson(new TextDecoder().decode(new Uint8Array(body)))
}
