/** What a client's `POST /abort_request` asks for, and what a request gets that it ends before an engine has it. */
import { GatewayError } from './errors.ts'

export interface AbortOrder {
  /** `undefined`: all of them. */
  readonly rid: string | undefined
}

/** What the body asks for; an empty rid names nothing, as engines hold it. `undefined`: the body makes no sense. */
export function readAbortOrder(body: Uint8Array): AbortOrder | 'nothing' | undefined {
  const asked = parsed(body)
  if (typeof asked !== 'object' || asked === null) return undefined
  const { rid, abort_all: all } = asked as { rid?: unknown; abort_all?: unknown }
  if (all === true) return { rid: undefined }
  return typeof rid === 'string' && rid !== '' ? { rid } : 'nothing'
}

/** The words of an engine that aborts a queued request. */
export function abortedError(): GatewayError {
  return new GatewayError('engine-error', 'Aborted by AbortReq.', {
    status: 500,
    engineCode: 500,
    retryable: false,
  })
}

/** Texts that JSON writes in one way only. */
const PLAIN = /^[\w .:@-]+$/

/**
 * Whether the order means the request with this body, by the rid that its client gave it. For bodies that nobody has
 * read: most are told by a search for the rid's bytes, only one that has them is parsed.
 */
export function matchesAbort(order: AbortOrder, body: Uint8Array): boolean {
  const { rid } = order
  if (rid === undefined) return true
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!bytes.includes(PLAIN.test(rid) ? `"${rid}"` : '"rid"')) return false
  const request = parsed(body)
  if (typeof request !== 'object' || request === null) return false
  const { rid: given } = request as { rid?: unknown }
  return Array.isArray(given) ? given.includes(rid) : given === rid
}

/** `undefined` when it is no JSON. */
function parsed(body: Uint8Array): unknown {
  try {
    // A copy: a decoder takes no shared memory, which a large body comes in.
    return JSON.parse(new TextDecoder().decode(new Uint8Array(body)))
  } catch {
    return undefined
  }
}
