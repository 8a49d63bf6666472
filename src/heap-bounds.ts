/**
 * Bounds the space for new objects in the threads' heaps.
 *
 * V8 lets it grow to 64 MiB a thread under load and is slow to give it back: with 10,000 requests open that is more
 * than all that they hold. Requests are short-lived and small, so a few MiB serve as well; with less than that the
 * collector runs so often that it takes a quarter of the front end's time. Old objects are left to V8: collecting them
 * sooner (--heap-growing-percent=30) saved 40 MiB with 9,900 requests open and cost half as much CPU again a request.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** `semiSpaceMb`: half of the new space of the calling thread and every thread that is started later. Process-wide. */
export function boundHeaps(semiSpaceMb: number): void {
  setFlagsFromString(`--min-semi-space-size=${semiSpaceMb}`)
  setFlagsFromString(`--max-semi-space-size=${semiSpaceMb}`)
  // A few MiB are done in a millisecond or two: helper threads cost more than they save, and take CPU from the others.
  setFlagsFromString('--no-parallel-scavenge')
  // The calling thread's heap is there already: for it those two come too late. The factor makes it grow more slowly,
  // to 28 MiB in place of 64 at worst.
  growTo(2 * semiSpaceMb * 2 ** 20)
  setFlagsFromString('--semi-space-growth-factor=1')
}

const MOST_ROUNDS = 500
const OBJECTS_A_ROUND = 4000

/** V8 grows the space when much of it survives a collection: so much is made, and kept for a while. */
function growTo(bytes: number): void {
  let kept: object[] = []
  for (let round = 0; round < MOST_ROUNDS && newSpaceBytes() < bytes; round++) {
    if (round % 10 === 0) kept = []
    for (let at = 0; at < OBJECTS_A_ROUND; at++) kept.push({ at })
  }
}

function newSpaceBytes(): number {
  return getHeapSpaceStatistics().find(space => space.space_name === 'new_space')?.space_size ?? Infinity
}
