/** What a caught value says; anything can be thrown. Pure. */

/** The message of an error, or the value as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * The code of an error as the system or a library names it, such as `EMFILE` or `UND_ERR_SOCKET`: that of the error or
 * of the nearest cause that has one. Empty when there is none.
 */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return errorCode(error.cause)
}
