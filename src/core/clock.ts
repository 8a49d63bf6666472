/** A monotonic clock, in milliseconds. Passed as an argument, so that tests can control it. */
export type NowMs = () => number

/** The monotonic clock of the calling thread, in milliseconds since the thread started. */
export const monotonicNowMs: NowMs = () => performance.now()

/**
 * A monotonic clock shared by all threads, in whole milliseconds. `performance.now()` has a different origin in each
 * thread, and the time of day may jump.
 */
export const processNowMs: NowMs = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + Math.floor(nanoseconds / 1e6)
}
