/** Milliseconds of a clock that never goes back. Passed in, so that tests can turn it. */
export type NowMs = () => number

/** The process-wide monotonic clock, in milliseconds since the process (or thread) started. */
export const monotonicNowMs: NowMs = () => performance.now()

/**
 * A clock that all threads of the process share, in whole milliseconds: `performance.now()` starts anew in each thread,
 * and the time of day may jump.
 */
export const processNowMs: NowMs = () => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + Math.floor(nanoseconds / 1e6)
}
