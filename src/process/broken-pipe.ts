/** Output that nobody reads to its end, as with `| head`. */
import { errorCode } from '../core/error-text.ts'

/** What this process prints from then on is lost; the run and its files go on. Other faults of an output end it. */
export function outliveReaders(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', error => {
      if (errorCode(error) !== 'EPIPE') throw error
    })
  }
}
