/** Classifies connection errors of undici and the kernel. Pure. */
import { errorCode, isLocalShortage } from '../../src/core/text/error-text.ts'
import type { TransportError } from './types.ts'

const INVALID = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])
/** A head that is too large, or content-lengths that contradict each other or the body. */
const PROTOCOL = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])
const CONNECT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EACCES',
])
/** Undici 7's message for an unrequested 101 (and 100, from `https` engines), for which it closes the connection. */
const UNREQUESTED_INTERIM = /^bad (?:response|upgrade)$/

/** `isReused`: the socket had carried a request before, and no byte of this response has arrived. */
export function toTransportError(error: Error, isReused: boolean): TransportError {
  const code = errorCode(error)
  if (code === 'UND_ERR_SOCKET' && UNREQUESTED_INTERIM.test(error.message)) return unrequestedInterim()
  const kind = error.name === 'HTTPParserError' ? kindOfParserError(error) : kindOf(code)
  const text = code === '' || error.message.includes(code) ? error.message : `${error.message} (${code})`
  return { kind, message: text, isStaleSocket: isReused && kind === 'reset' }
}

function unrequestedInterim(): TransportError {
  const message = 'sent an interim response (100 or 101) that was not requested'
  return { kind: 'protocol', message, isStaleSocket: false }
}

function kindOf(code: string): TransportError['kind'] {
  if (isLocalShortage(code)) return 'local'
  if (INVALID.has(code)) return 'invalid'
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'connect-timeout'
  if (CONNECT.has(code)) return 'connect'
  if (PROTOCOL.has(code)) return 'protocol'
  return 'reset'
}

/** Undici's parser errors have no code. A truncated response is a connection failure, not malformed HTTP. */
function kindOfParserError(error: Error): TransportError['kind'] {
  return error.message.includes('Invalid EOF state') ? 'reset' : 'protocol'
}
