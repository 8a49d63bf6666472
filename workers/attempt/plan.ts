/** What an attempt needs to know before it starts, and whom it tells how it went. */
import type { Engine } from '../../src/core/engine.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { Failure } from '../classify/failure.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'
import type { PairLeases } from '../selection/capacity-queue.ts'

export interface AttemptPlan {
  readonly path: string
  readonly isStream: boolean
  /** Prefill's logprobs of the prompt go into the client's answer. */
  readonly mergesPrefill: boolean
  /** Several prompts of `/generate`: each ends by an event of its own, so an abort is the end of one of them only. */
  readonly isBatch: boolean
  /** `undefined` when one engine does both. */
  readonly prefill: Engine | undefined
  readonly decode: Engine
  /** The attempt gives them back. */
  readonly leases: PairLeases
  /** Of the client's request: names it to the main thread. */
  readonly exchangeId: number
  /** What the engines know the request by, one for each prompt; new for each attempt. */
  readonly rids: readonly string[]
  readonly headers: FlatHeaders
  readonly timeouts: RequestTimeouts
  /** The same bytes for both legs. */
  readonly body: Uint8Array
  /** Only connections that were never used before. */
  readonly freshConnection: boolean
}

/** A complete answer, or the start of a streamed one. */
export interface ResponseHead {
  readonly status: number
  /** The engine's own, lower-case names. */
  readonly headers: FlatHeaders
  /** Prefill's whole body, when the plan merges it. */
  readonly prefillBody: Uint8Array | undefined
  /** What the engines knew the request by. */
  readonly rids: readonly string[]
}

/** What an attempt tells beside: not for clients, who read it in the stream. */
export interface PromptHandler {
  /** One prompt of a batch was aborted by its engine after tokens had been passed on; the others go on. */
  onPromptError(failure: Failure): void
}

/**
 * Calls come in one of these orders, and nothing comes after the last:
 * `failed` · `answered` · `started bytes* ended` · `started bytes* broke`.
 */
export interface AttemptHandler {
  /** The answer in one piece. */
  onResponse(head: ResponseHead, body: Uint8Array): void
  /** The stream is known to be good; the first `bytes` follow at once. */
  onHead(head: ResponseHead): void
  /** Whole events, unchanged and in order. Valid during the call only. */
  onData(onData: Uint8Array): void
  onEnd(): void
  /** Nothing was passed on: another attempt may be made. */
  onError(failure: Failure): void
  /** The stream broke after tokens had been passed on. */
  onStreamError(failure: Failure): void
}
