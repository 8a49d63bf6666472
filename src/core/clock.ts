/** Milliseconds of a clock that never goes back. Passed in, so that tests can turn it. */
export type NowMs = () => number

/** The process-wide monotonic clock, in milliseconds since the process (or thread) started. */
export const monotonicNowMs: NowMs = () => performance.now()
