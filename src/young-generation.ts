/**
 * Bounds the part of each thread's heap that holds new objects.
 *
 * V8 lets it grow to 64 MiB a thread under load and is slow to give it back: with 10,000 requests open that is more
 * than all that they hold. Requests are short-lived and small, so a few MiB serve as well.
 */
import { setFlagsFromString } from 'node:v8'

/** Half of the young generation, in MiB, for every thread that is started after the call. Process-wide. */
export function boundYoungGeneration(semiSpaceMb: number): void {
  setFlagsFromString(`--min-semi-space-size=${semiSpaceMb}`)
  setFlagsFromString(`--max-semi-space-size=${semiSpaceMb}`)
  // The calling thread's heap is there already: for it those two come too late, but this one is read at each growth.
  setFlagsFromString('--semi-space-growth-factor=1')
}
