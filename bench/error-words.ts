/** What a caught value says of itself; anything can be thrown. Pure. */

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** As the system names what went wrong: `ECONNREFUSED`. Empty when it has no name. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
