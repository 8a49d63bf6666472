/** What an engine has done so far; plain numbers, never reset. */
export interface Counters {
  /** Generation requests, warm-ups and health probes not counted. */
  received: number
  completed: number
  /** Answered with an error, in whatever shape. */
  failed: number
  /** Sequences aborted by /abort_request. */
  aborted: number
  /** Requests whose client left before the answer was out. */
  disconnected: number
  /** Calls of /abort_request, useful or not. */
  abortCalls: number
  tokens: number
  crashes: number
}

export function newCounters(): Counters {
  return {
    received: 0,
    completed: 0,
    failed: 0,
    aborted: 0,
    disconnected: 0,
    abortCalls: 0,
    tokens: 0,
    crashes: 0,
  }
}
