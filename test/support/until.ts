/** Waiting for a condition, in all tests that wait for one. */
import { setTimeout as pause } from 'node:timers/promises'

/** For a machine that is busy with other tests; shorter than any timer that would mend what is broken. */
const LIMIT_MS = 30_000
const LONGEST_PAUSE_MS = 20

/**
 * Looks again and again until the condition holds, after pauses that grow with the wait: whatever makes it true wants
 * the processors meanwhile. What comes and goes between two looks is missed: wait for a count that only grows, or for a
 * state that lasts until the test ends it. @throws when it does not hold within the limit.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
  limitMs = LIMIT_MS,
): Promise<void> {
  const startMs = performance.now()
  // oxlint-disable-next-line no-await-in-loop -- looking again and again is the point
  while (!(await condition())) {
    const waitedMs = performance.now() - startMs
    if (waitedMs > limitMs) throw new Error(`did not come true in ${limitMs} ms: ${what}`)
    // oxlint-disable-next-line no-await-in-loop -- the same
    await pause(Math.min(1 + waitedMs / 10, LONGEST_PAUSE_MS))
  }
}
