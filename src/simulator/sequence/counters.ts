/** Totals of an engine since it was created. They survive a crash and are never reset. */
export interface Counters {
  /** Generation requests received. */
  received: number
  completed: number
  /** Requests that ended with an error of any kind. */
  failed: number
  /** Sequences aborted by /abort_request. */
  aborted: number
  /** Sequences aborted because their client disconnected. */
  abortedByDisconnect: number
  /** Requests whose connection closed before the end of the response, on either side. */
  disconnected: number
  /** Calls of /abort_request, including those that matched no sequence. */
  abortCalls: number
  /** Output tokens produced. */
  tokens: number
  /** Prompt tokens that were not cached and were begun to be computed. */
  computedTokens: number
  /** Maximum number of sequences held at once, including queued ones. */
  peakRunning: number
  /** Requests that timed out because the other engine of the pair never joined their room. */
  partnerMissing: number
  crashes: number
  /** Restarts after a crash or a drain. */
  restarts: number
}

export function newCounters(): Counters {
  return {
    received: 0,
    completed: 0,
    failed: 0,
    aborted: 0,
    abortedByDisconnect: 0,
    disconnected: 0,
    abortCalls: 0,
    tokens: 0,
    computedTokens: 0,
    peakRunning: 0,
    partnerMissing: 0,
    crashes: 0,
    restarts: 0,
  }
}
