/** Handles an output whose reader exits early, as in `pd-gateway bench | head`. */
import { errorCode } from '../core/text/error-text.ts'

/**
 * Keeps the process alive when the reader of its standard output or error is gone, or when warnings cannot be written to
 * a full disk: further output is lost, while the run and its files go on. Any other error of standard output, which has
 * the results of commands, still ends the process.
 */
export function outliveReaders(): void {
  process.stdout.on('error', error => {
    if (errorCode(error) !== 'EPIPE') throw error
  })
  process.stderr.on('error', () => undefined)
}
