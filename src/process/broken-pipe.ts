/** Handles an output whose reader exits early, as in `pd-gateway bench | head`. */
import { errorCode } from '../core/error-text.ts'

/**
 * Keeps the process alive when the reader of its standard output or error is gone: further output is lost, while the run
 * and its files go on. Any other error of an output still ends the process.
 */
export function outliveReaders(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', error => {
      if (errorCode(error) !== 'EPIPE') throw error
    })
  }
}
