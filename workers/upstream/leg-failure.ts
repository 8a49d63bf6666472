/** Names what undici and the kernel say went wrong with a connection. Pure. */
import type { LegFailure } from './leg.ts'

/** Shortages of this machine: no engine is to blame, and another engine would not help. */
const LOCAL = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])
const CONNECT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EACCES',
])
/** The response was cut short. */
const CUT = new Set(['HPE_INVALID_EOF_STATE', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'])

/** `isReused`: the socket had carried a request before, and no byte of this response has come. */
export function nameFailure(error: Error, isReused: boolean): LegFailure {
  const code = codeOf(error)
  const kind = kindOf(code)
  const text = code === '' || error.message.includes(code) ? error.message : `${error.message} (${code})`
  return { kind, message: text, isStaleSocket: isReused && kind === 'reset' }
}

function kindOf(code: string): LegFailure['kind'] {
  if (LOCAL.has(code)) return 'local'
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'connect-timeout'
  if (CONNECT.has(code)) return 'connect'
  if (CUT.has(code)) return 'reset'
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') return 'protocol'
  return 'reset'
}

function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause instanceof Error ? codeOf(error.cause) : ''
}
