/** The interface of an attempt: what it needs before it starts, how it is controlled, and what it calls back. */

import type { Engine, LostEngine } from '../../src/core/engine.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { Failure } from '../classify/failure.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { CachedPrompt } from '../dialects/response-summary.ts'
import type { KnownEnds } from '../json/scan-context.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'
import type { PairLeases } from '../selection/capacity-queue.ts'
import type { RequestBody } from '../upstream/request-body.ts'

export interface AttemptPlan {
  readonly path: string
  readonly isStream: boolean
  /** Whether decode sends each token as soon as it has generated it, so that silence is a fault. */
  readonly showsProgress: boolean
  /** How the responses of both legs are read. */
  readonly dialect: Dialect
  /** Whether prefill's logprobs of the prompt are merged into the client's response. */
  readonly mergesPrefill: boolean
  /** Whether the client's stream is expected to say, perhaps only at its end, how long the prompt was. */
  readonly awaitsUsage: boolean
  /** False if the client asks for no token at all. */
  readonly wantsToken: boolean
  /** One of several prompts of `/generate`: an abort event ends only this prompt, and the client gets it. */
  readonly isBatch: boolean
  /** `undefined` when a mixed engine does both phases. */
  readonly prefill: Engine | undefined
  readonly decode: Engine
  /** Owned by the attempt, which releases them. */
  readonly leases: PairLeases
  /** The id of the client's exchange, by which the main thread knows it. */
  readonly exchangeId: number
  /** The id that the engines know the request by; new for each attempt. */
  readonly rid: string
  /** False if the API takes no rid: then no abort can name the request, and only the end of its connection ends it. */
  readonly takesRid: boolean
  readonly headers: FlatHeaders
  readonly timeouts: RequestTimeouts
  /** For both legs, unless there is a `prefillBody`. */
  readonly body: RequestBody
  /** Set if prefill gets another body than decode. */
  readonly prefillBody?: RequestBody | undefined
  /** Whether both legs need connections that were never used before. */
  readonly freshConnection: boolean
}

export interface AttemptHandle {
  /** Sends both legs. May call the handler before it returns. */
  start(): void
  /** Aborts both legs, on the engines too. The handler is not called again. */
  abort(): void
  /** Asks the engines to stop. The handler gets whatever decode still sends, as the response. */
  requestAbort(): void
  /** Fails the attempt if the client has nothing of it yet and it waits for this engine. */
  giveUpOn(lost: LostEngine): void
  /** Stops reading from decode until `resume`. */
  pause(): void
  resume(): void
}

/** A complete response, or the start of a streamed one. */
export interface ResponseHead {
  readonly status: number
  /** The engine's own headers, with names in lower case. */
  readonly headers: FlatHeaders
  /** Prefill's whole body when the plan merges it. */
  readonly prefillBody: Uint8Array | undefined
  /** The id that the engines knew the request by. */
  readonly rid: string
  /** Where the large values of large bodies end. */
  readonly knownEnds?: readonly KnownEnds[] | undefined
}

/**
 * Calls come in one of these orders, and none follows the last:
 * `onError` · `onResponse` · `onHead onData* onEnd` · `onHead onData* onStreamError`. After its first `onData` a stream
 * may have one `onReportedError`.
 */
export interface AttemptHandler {
  /** The whole response at once. */
  onResponse(head: ResponseHead, body: Uint8Array): void
  /** The stream is known to be good. The first `onData` follows immediately. */
  onHead(head: ResponseHead): void
  /** Whole events, unchanged and in order. The bytes are valid during the call only. */
  onData(bytes: Uint8Array): void
  onEnd(): void
  /** Nothing was forwarded, so another attempt may be made. */
  onError(failure: Failure): void
  /**
   * The engine wrote an error into its stream after tokens had been forwarded. It was forwarded as the engine wrote it,
   * and so is what follows, usually `[DONE]`.
   */
  onReportedError(failure: Failure): void
  /** The stream broke after tokens had been forwarded. */
  onStreamError(failure: Failure): void
}

/** What the owner of an attempt is called for: the response, and events that the client reads in its stream. */
export interface AttemptEvents extends AttemptHandler {
  /** An engine aborted one prompt of a batch after tokens had been forwarded. The other prompts continue. */
  onPromptError(failure: Failure): void
  /**
   * The prompt has been computed. `cached`: how much of it the engine had cached, if it has said that. Called again when it
   * says so later.
   */
  onPromptComputed(cached: CachedPrompt | undefined): void
}
