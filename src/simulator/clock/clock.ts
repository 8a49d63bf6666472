/** The clock of the simulated engines: the real one here, a manual one beside it for tests of long timeouts. */

export type TimerHandle = NodeJS.Timeout | number

export interface SimClock {
  /** Monotonic milliseconds. */
  now(): number
  setTimeout(run: () => void, ms: number): TimerHandle
  clearTimeout(handle: TimerHandle | undefined): void
}

export const REAL_CLOCK: SimClock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: handle => clearTimeout(handle),
}
