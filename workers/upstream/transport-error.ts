/** Names what undici and the kernel say went wrong with a connection. Pure. */
import { errorCode, isLocalShortage } from '../../src/core/error-text.ts'
import type { TransportError } from './types.ts'

const INVALID = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])
const CONNECT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EACCES',
])
/** How undici calls a 100 or a 101, neither of which was asked for: it gives the connection up. */
const UNASKED = /^bad (?:response|upgrade)$/

/** `isReused`: the socket had carried a request before, and no byte of this response has come. */
export function toTransportError(error: Error, isReused: boolean): TransportError {
  const code = errorCode(error)
  if (code === 'UND_ERR_SOCKET' && UNASKED.test(error.message)) return unasked()
  const kind = error.name === 'HTTPParserError' ? kindOfParserError(error) : kindOf(code)
  const text = code === '' || error.message.includes(code) ? error.message : `${error.message} (${code})`
  return { kind, message: text, isStaleSocket: isReused && kind === 'reset' }
}

function unasked(): TransportError {
  const message = 'sent an interim answer (100 or 101) that was not asked for'
  return { kind: 'protocol', message, isStaleSocket: false }
}

function kindOf(code: string): TransportError['kind'] {
  if (isLocalShortage(code)) return 'local'
  if (INVALID.has(code)) return 'invalid'
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'connect-timeout'
  if (CONNECT.has(code)) return 'connect'
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'protocol'
  return 'reset'
}

/** Undici gives these no code. A response that is cut short is no fault of its form. */
function kindOfParserError(error: Error): TransportError['kind'] {
  return error.message.includes('Invalid EOF state') ? 'reset' : 'protocol'
}
