/** What an engine has done so far; plain numbers, never reset. */
export interface Counters {
  /** Generation requests, warm-ups and health probes not counted. */
  received: number
  completed: number
  /** Answered with an error, in whatever shape. */
  failed: number
  /** Sequences aborted by /abort_request. */
  aborted: number
  /** Sequences aborted because their client had left. */
  abortedByDisconnect: number
  /** Requests whose client left before the answer was out. */
  disconnected: number
  /** Calls of /abort_request, useful or not. */
  abortCalls: number
  tokens: number
  /** Most sequences held at a time, queued ones included. */
  peakRunning: number
  /** Legs that timed out because the other one never came. */
  partnerMissing: number
  crashes: number
  /** Times that it came back, after a crash or a drain. */
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
    peakRunning: 0,
    partnerMissing: 0,
    crashes: 0,
    restarts: 0,
  }
}
