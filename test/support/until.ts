/** Waiting for a condition, in all tests that wait for one. */
import { setTimeout as pause } from 'node:timers/promises'

/** For a machine that is busy with other tests; shorter than any timer that would mend what is broken. */
const LIMIT_MS = 30_000
const LONGEST_PAUSE_MS = 20

/**
 * Polls until the condition holds, with pauses that grow with the wait, because what makes it true needs the processors
 * meanwhile. A state that comes and goes between two polls is missed: wait for a count that only grows, or for a state
 * that lasts until the test ends it. @throws when the condition does not hold within the limit.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'the condition',
  limitMs = LIMIT_MS,
): Promise<void> {
  const startMs = performance.now()
  while (!(await condition())) {
    const waitedMs = performance.now() - startMs
    if (waitedMs > limitMs) throw new Error(`did not come true in ${limitMs} ms: ${what}`)
    await pause(Math.min(1 + waitedMs / 10, LONGEST_PAUSE_MS))
  }
}
