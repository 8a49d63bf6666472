/** Message and system code of a caught value, which may be anything, and what the code means. Pure. */

/** Message of an error, or the value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Code that the system or a library gave an error, such as `EMFILE` or `UND_ERR_SOCKET`: that of the error itself or of
 * its nearest cause with a code. Empty if there is none.
 */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return errorCode(error.cause)
}

const LOCAL_SHORTAGES = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EAGAIN', 'ENOBUFS', 'ENOMEM'])

/**
 * Whether a system code means a temporary shortage on this machine, of descriptors, ports or memory. It is not the fault
 * of an engine, and another engine would not help.
 */
export function isLocalShortage(code: string): boolean {
  return LOCAL_SHORTAGES.has(code)
}
