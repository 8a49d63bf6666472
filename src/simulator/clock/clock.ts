/** The clock of simulated engines. Tests of long timeouts use `ManualClock` instead of the real one. */

export type TimerHandle = NodeJS.Timeout | number

export interface SimClock {
  /** Monotonic time in milliseconds. */
  now(): number
  setTimeout(run: () => void, ms: number): TimerHandle
  clearTimeout(handle: TimerHandle | undefined): void
}

export const REAL_CLOCK: SimClock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: handle => clearTimeout(handle),
}
