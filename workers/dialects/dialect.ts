/**
 * How one API of the engines says, in a response or in an event of a stream, that there is a token, an end or a failure.
 * Each API has one such object; nothing else in `workers/` asks which API a request is for to read a response.
 */
import type { ServerSentEvent } from '../sse/events.ts'
import type { Classification } from './classification.ts'
import type { ResponseSummary } from './response-summary.ts'

export interface Dialect {
  /** Whether engines may be without the API: one that does not know the path is no failed engine then. */
  readonly isOptional: boolean
  /** How many times a stream may repeat the request before its first token. */
  readonly echoes: number
  /** The summary of a body that is plainly good, without parsing it; `undefined`: `classifyBody` must decide. */
  readonly summarizeBody: (body: Buffer) => ResponseSummary | undefined
  /** The same for the data of an event; else `classifyData` must decide. */
  readonly summarizeData: (data: Buffer) => ResponseSummary | undefined
  /** Classifies a whole body of status 200. */
  readonly classifyBody: (text: string) => Classification
  /** Classifies the data of an event, which is neither empty nor `[DONE]`. */
  readonly classifyData: (text: string) => Classification
  /** Whether a stream that ends with this event is complete. */
  readonly isEnd: (event: ServerSentEvent) => boolean
  /**
   * Hot path: whether the block may hold a failure, the end of the stream or, if that is awaited, a usage. May be wrong, but
   * never misses one.
   */
  readonly mayHoldSigns: (block: Uint8Array, awaitsUsage: boolean) => boolean
  /** The same for a failure in the data of one event. */
  readonly mayHoldFailure: (data: Uint8Array) => boolean
  /** Whether the data of one event may say how many tokens the prompt has. */
  readonly mayHoldUsage: (data: Uint8Array) => boolean
  /** What the error that an engine reports means. */
  readonly meaningOf: (status: number, message: string) => ErrorMeaning
}

export interface ErrorMeaning {
  readonly status: number
  readonly message: string
  /** The API hides the reason, which may then lie with the engine or with the transfer between two engines. */
  readonly isVague: boolean
}

/** The error means what it says. */
export function literalMeaning(status: number, message: string): ErrorMeaning {
  return { status, message, isVague: false }
}
