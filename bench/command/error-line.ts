/** The line that says why a bench could not run. */
import { messageOf } from '../../src/core/text/error-text.ts'

/** A target that cannot be loaded. The message begins with the target or its process. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** Ends with a line feed. The line of any error but that of a target begins with `bench: `. */
export function errorLine(error: unknown): string {
  const prefix = error instanceof TargetError ? '' : 'bench: '
  return `${prefix}${messageOf(error)}\n`
}
