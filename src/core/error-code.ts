/** The code of what went wrong, as the system or a library names it: `EMFILE`, `UND_ERR_SOCKET`. Pure. */

/** Of the error, or of the nearest cause that has one; empty when there is none. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return errorCode(error.cause)
}
