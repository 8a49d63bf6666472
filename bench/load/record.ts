/** What is kept of one request: plain data, sent from the generator processes to the one that reports. */

/**
 * How a request went wrong.
 *
 * connect: no connection · reset: connection lost before the head · status: an error status · malformed: not HTTP, SSE
 * or JSON · truncated: ended early, or lost after the head · error-in-200: an error under a good status · aborted:
 * finish reason "abort" · no-token: a good end with nothing in it · missing, duplicate, altered: not the tokens that
 * the simulated engine says · stall: silent too long · timeout: took too long in all
 */
export type FailureKind =
  | 'connect'
  | 'reset'
  | 'status'
  | 'malformed'
  | 'truncated'
  | 'error-in-200'
  | 'aborted'
  | 'no-token'
  | 'missing'
  | 'duplicate'
  | 'altered'
  | 'stall'
  | 'timeout'

export interface Failure {
  readonly kind: FailureKind
  /** For the reader of a report; of bounded length. */
  readonly detail: string
}

/** left: the client went before the end, as it was told to. refused: 429 or 503. */
export type Outcome = 'ok' | 'left' | 'refused' | 'failed'

/** What only a file with all details needs. */
export interface RequestDetails {
  readonly text: string
  /** Before each piece but the first: how long. As bytes: a long run has millions. */
  readonly gapsMs: Float64Array
  /** How many tokens came with that piece. */
  readonly gapTokens: Uint32Array
}

/** Times in milliseconds since the start of the run, with a resolution of microseconds. */
export interface RequestRecord {
  readonly index: number
  /** When it was due; in a closed loop when a place became free for it. */
  readonly scheduledMs: number
  /** When it was given to a connection; that may have had to be opened first. */
  readonly sentMs: number
  readonly headMs: number | undefined
  /** First piece of an answer that is not empty; streams only. */
  readonly firstTokenMs: number | undefined
  readonly lastTokenMs: number | undefined
  readonly endMs: number
  readonly outcome: Outcome
  readonly failure: Failure | undefined
  /** 0 when there was no head. */
  readonly status: number
  /** What is wrong with the shape of a refusal; undefined when nothing is. */
  readonly badRefusal: string | undefined
  /** The answer's `x-request-id`; kept when the plan asks for it. */
  readonly requestId: string | undefined
  readonly inputTokens: number
  readonly outputTokens: number
  /** Kept when the plan asks for them. */
  readonly details: RequestDetails | undefined
}

/** A request that was given up with the run: nobody knows how it would have ended. */
export interface Unfinished {
  readonly sentMs: number
  /** When it was given up. */
  readonly endMs: number
}

const DETAIL_LIMIT = 200

export function failureOf(kind: FailureKind, detail: string): Failure {
  return { kind, detail: detail.slice(0, DETAIL_LIMIT) }
}
