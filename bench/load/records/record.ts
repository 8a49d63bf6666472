/** The record of one request: plain data that generator processes send to the reporting process. */

/**
 * How a request failed.
 *
 * connect: no connection · reset: connection lost before the head · status: an error status · malformed: not HTTP, SSE
 * or JSON · truncated: ended early, or connection lost after the head · error-in-200: an error under status 200 ·
 * aborted: finish reason "abort" · no-token: a normal finish without output · missing, duplicate, altered: tokens differ
 * from those of the simulated engine · stall: no bytes for too long · timeout: took too long overall
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
  /** Explanation for the reader of a report, at most 200 characters. */
  readonly detail: string
}

/** `left`: the client disconnected before the end, as planned. `refused`: status 429 or 503. */
export type Outcome = 'ok' | 'left' | 'refused' | 'failed'

/** Details that only a detailed result file needs. */
export interface RequestDetails {
  readonly text: string
  /** Time before each chunk with tokens except the first. Typed, because a long run has millions. */
  readonly gapsMs: Float64Array
  /** Number of tokens in the chunk after each gap. */
  readonly gapTokens: Uint32Array
}

/** Times are in milliseconds since the start of the run, with microsecond resolution. */
export interface RequestRecord {
  readonly index: number
  /** When the request was due; in a closed loop, when a client became free for it. */
  readonly scheduledMs: number
  /** When the request was handed to a connection, which may have had to be opened first. */
  readonly sentMs: number
  readonly headMs: number | undefined
  /** When the first chunk with text arrived; streams only. */
  readonly firstTokenMs: number | undefined
  readonly lastTokenMs: number | undefined
  readonly endMs: number
  readonly outcome: Outcome
  readonly failure: Failure | undefined
  /** 0 if no response head arrived. */
  readonly status: number
  /** What a refusal lacks that clients need; undefined if it is well-formed. */
  readonly badRefusal: string | undefined
  /** The `x-request-id` header of the response; kept if the plan asks for it. */
  readonly requestId: string | undefined
  readonly inputTokens: number
  /** Input tokens that the engine had in its prefix cache; undefined if it does not report them. */
  readonly cachedTokens: number | undefined
  readonly outputTokens: number
  /** Kept if the plan asks for them. */
  readonly details: RequestDetails | undefined
}

/** A request that was open when the run was interrupted. */
export interface Unfinished {
  readonly sentMs: number
  /** When it was abandoned. */
  readonly endMs: number
}

const DETAIL_LIMIT = 200

export function failureOf(kind: FailureKind, detail: string): Failure {
  return { kind, detail: detail.slice(0, DETAIL_LIMIT) }
}
