/**
 * One try of a request on one pair: both legs are sent at the same time, watched, and ended together.
 *
 * `attempt-state.ts` decides; this file has the connections, the timers and the leases. Every way out goes through
 * `#close`, so no leg, timer or lease outlives the attempt (the deferred abort of decode aside, which ends by itself).
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { Leg } from '../../src/core/errors.ts'
import type { Lease } from '../../src/shared/leases.ts'
import type { LegJournal } from '../../src/shared/leg-journal.ts'
import { type Failure, stalledFailure } from '../classify/failure.ts'
import type { ResponseSummary } from '../classify/response-summary.ts'
import { abortRids } from '../request/ids.ts'
import type { RequestHandle, ResponseHandler } from '../upstream/types.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { type DecodeEvents, DecodeLeg } from './decode-leg.ts'
import type { EngineAborts } from './engine-abort.ts'
import type { RouterMetrics } from './metrics.ts'
import type { AttemptHandler, AttemptPlan, PromptHandler, ResponseHead } from './plan.ts'
import { type PrefillEvents, PrefillLeg } from './prefill-leg.ts'
import { type AttemptAction, type AttemptEvent, type AttemptState, initialState, nextStep } from './state.ts'

/** What a router thread lends to all its attempts. */
export interface AttemptResources {
  readonly config: Pick<Config, 'upstream' | 'limits' | 'timeouts'>
  readonly upstreams: Upstreams
  readonly aborts: EngineAborts
  readonly journal: LegJournal
  readonly metrics: Pick<RouterMetrics, 'legUnsent'>
}

/** After an error status, how long its body may take: the partner leg must not wait longer. */
const ERROR_BODY_MS = 30
/** A leg that was sent longer ago has surely been read. */
const MAYBE_UNREAD_MS = 1000

interface OpenLeg {
  readonly handler: ResponseHandler
  readonly lease: Lease
  handle: RequestHandle | undefined
}

export class Attempt implements PrefillEvents, DecodeEvents {
  readonly #plan: AttemptPlan
  readonly #handler: AttemptHandler & PromptHandler
  readonly #resources: AttemptResources
  readonly #prefill: PrefillLeg
  readonly #decode: DecodeLeg
  #prefillLeg: OpenLeg | undefined
  #decodeLeg: OpenLeg | undefined
  #state: AttemptState
  #timer: NodeJS.Timeout | undefined
  #graceTimer: NodeJS.Timeout | undefined
  #bodyTimer: NodeJS.Timeout | undefined
  #errorTimer: NodeJS.Timeout | undefined
  #startedMs = 0
  /** When decode last said something, from the commit on. */
  #lastBytesMs = 0
  /** In the journal. */
  #record = -1
  #isClosed = false

  constructor(plan: AttemptPlan, sink: AttemptHandler & PromptHandler, resources: AttemptResources) {
    this.#plan = plan
    this.#handler = sink
    this.#resources = resources
    const { answerBytes, eventBytes, peekBytes } = resources.config.limits
    // The first event may echo the prompt. Where prefill is merged, tokens are held, too, until its summary is there.
    const isPeek = plan.isStream && !plan.mergesPrefill
    const held = isPeek ? peekBytes + plan.body.length : answerBytes
    this.#prefill = new PrefillLeg(answerBytes, this)
    this.#decode = new DecodeLeg({ held, event: eventBytes }, this, plan.isBatch)
    this.#state = initialState({
      hasPrefill: plan.prefill !== undefined,
      mergesPrefill: plan.mergesPrefill,
      isUnary: !plan.isStream,
    })
  }

  /** Sends both legs. The sink may hear of a failure before this returns. */
  start(): void {
    this.#startedMs = performance.now()
    const { prefill, decode, leases, isStream } = this.#plan
    // A whole summary of a single engine shows nothing until it is complete: only the total deadline bounds it.
    if (isStream || prefill !== undefined) this.#armFirstToken()
    if (leases.prefill !== undefined) this.#prefillLeg = openLeg(this.#prefill, leases.prefill)
    this.#decodeLeg = openLeg(this.#decode, leases.decode)
    this.#note()
    this.#send(prefill, this.#prefillLeg)
    if (!this.#isClosed) this.#send(decode, this.#decodeLeg)
  }

  /** The client is gone or the deadline has passed: both engines are told, and nothing more is heard of this attempt. */
  abort(): void {
    if (!this.#isClosed) this.#close(true)
  }

  /** The engines are told to stop; what decode still says goes to the client. */
  requestAbort(): void {
    this.#decode.isAbortRequested = true
    this.#abortOnEngines()
  }

  pause(): void {
    this.#decodeLeg?.handle?.pause()
  }

  resume(): void {
    this.#decodeLeg?.handle?.resume()
  }

  onPrefillComplete(summary: ResponseSummary): void {
    this.#prefillLeg?.lease.release()
    if (!this.#plan.isStream) this.#disarm()
    this.#step({ kind: 'prefill-answered', summary })
  }

  onPrefillError(failure: Failure): void {
    this.#prefillLeg?.lease.release()
    this.#step({ kind: 'prefill-failed', failure })
  }

  onPrefillErrorHead(): void {
    this.#awaitErrorBody(() => this.onPrefillError(this.#prefill.errorResponse()))
  }

  onDecodeReady(promptTokens: number | undefined): void {
    this.#step({ kind: 'decode-ready', promptTokens })
  }

  onDecodeBody(): void {
    const { idleMs } = this.#plan.timeouts
    const fail = (): void => this.onDecodeError(this.#stalled('decode', 'data', idleMs))
    if (this.#bodyTimer === undefined) this.#bodyTimer = setTimeout(fail, idleMs)
    else this.#bodyTimer.refresh()
  }

  onDecodeComplete(summary: ResponseSummary, isTerminated: boolean): void {
    this.#decodeLeg?.lease.release()
    clearTimeout(this.#bodyTimer)
    this.#step({ kind: 'decode-complete', summary, isTerminated })
  }

  onDecodeError(failure: Failure): void {
    this.#decodeLeg?.lease.release()
    clearTimeout(this.#bodyTimer)
    this.#step({ kind: 'decode-failed', failure })
  }

  onDecodePromptError(failure: Failure): void {
    this.#handler.onPromptError(failure)
  }

  onDecodeErrorHead(): void {
    this.#awaitErrorBody(() => this.onDecodeError(this.#decode.errorResponse()))
  }

  onDecodeData(bytes: Uint8Array): void {
    this.#lastBytesMs = performance.now()
    this.#handler.onData(bytes)
  }

  #note(): void {
    const { exchangeId, prefill, decode, rids } = this.#plan
    const legs = { exchangeId, prefillSlot: prefill?.slot ?? -1, decodeSlot: decode.slot }
    this.#record = this.#resources.journal.open(legs, abortRids(rids))
  }

  #armFirstToken(): void {
    const { firstTokenMs } = this.#plan.timeouts
    this.#timer = setTimeout(() => this.#onSilence('first token', firstTokenMs), firstTokenMs)
  }

  #send(engine: Engine | undefined, leg: OpenLeg | undefined): void {
    if (engine === undefined || leg === undefined) return
    const { path, headers, body, freshConnection } = this.#plan
    const request = { method: 'POST', path, headers, body, freshConnection } as const
    leg.handle = this.#resources.upstreams.to(engine.url).send(request, leg.handler)
  }

  #step(event: AttemptEvent): void {
    if (this.#isClosed) return
    const { state, action } = nextStep(this.#state, event)
    this.#state = state
    this.#act(action)
  }

  #act(action: AttemptAction): void {
    switch (action.kind) {
      case 'wait':
        return
      case 'wait-for-prefill':
        return this.#awaitPrefill()
      case 'commit':
        return this.#commit()
      case 'finish':
        return this.#finish(action.from)
      case 'fail':
        this.#close(true, this.#keepsPrefillRunning(action.failure))
        return this.#handler.onError(action.failure)
      case 'break':
        this.#close(true, this.#keepsPrefillRunning(action.failure))
        return this.#handler.onStreamError(action.failure)
    }
  }

  #commit(): void {
    this.#disarm()
    this.#lastBytesMs = performance.now()
    this.#watchSilence()
    this.#decode.commit()
    this.#handler.onHead(this.#head(this.#decode.body))
    if (!this.#isClosed) this.#handler.onData(this.#decode.body.joined())
  }

  #finish(from: Leg): void {
    const { body } = from === 'decode' ? this.#decode : this.#prefill
    const wasCommitted = this.#state.isCommitted
    this.#close(false)
    if (wasCommitted) return this.#handler.onEnd()
    // Prefill's own summary has prefill's logprobs already.
    const head = from === 'decode' ? this.#head(body) : { ...this.#head(body), prefillBody: undefined }
    if (!body.isEventStream) return this.#handler.onResponse(head, body.joined())
    this.#handler.onHead(head)
    this.#handler.onData(body.joined())
    this.#handler.onEnd()
  }

  /** Looks when silence could be over the limit at the earliest: a chunk only notes its time, it moves no timer. */
  #watchSilence(): void {
    const { idleMs } = this.#plan.timeouts
    const leftMs = this.#lastBytesMs + idleMs - performance.now()
    if (leftMs <= 0) return this.#onSilence('data', idleMs)
    this.#timer = setTimeout(() => this.#watchSilence(), leftMs)
  }

  #head(body: { readonly status: number; readonly headers: ResponseHead['headers'] }): ResponseHead {
    const prefillBody = this.#plan.mergesPrefill ? this.#prefill.body.joined() : undefined
    return { status: body.status, headers: body.headers, prefillBody, rids: this.#plan.rids }
  }

  /** Decode has all, prefill's word is missing: it comes at once, or something is wrong with it. */
  #awaitPrefill(): void {
    const { prefillGraceMs: graceMs } = this.#resources.config.upstream
    this.#disarm()
    this.#graceTimer = setTimeout(() => this.#step({ kind: 'grace-over', graceMs }), graceMs)
  }

  #awaitErrorBody(give: () => void): void {
    this.#errorTimer ??= setTimeout(give, ERROR_BODY_MS)
  }

  /** For a whole summary only prefill's is a sign of life: decode is silent until it has all. */
  #onSilence(what: 'first token' | 'data', timeoutMs: number): void {
    const leg = this.#plan.isStream || this.#plan.prefill === undefined ? 'decode' : 'prefill'
    // Each engine waits for the other before it says a word: of two silent ones either may be the one that has failed.
    const isMutual = this.#state.prefill === 'waiting' && !this.#state.isCommitted
    const failure = this.#stalled(leg, what, timeoutMs)
    const isLink = isMutual && failure.blame === 'engine'
    this.#step({ kind: 'decode-failed', failure: isLink ? { ...failure, blame: 'link' } : failure })
  }

  /** A client that waits less than is configured must not be able to open the breaker of a sound engine. */
  #stalled(leg: Leg, what: 'first token' | 'data', timeoutMs: number): Failure {
    const { firstTokenMs, idleMs } = this.#resources.config.timeouts
    const failure = stalledFailure(leg, what, timeoutMs)
    return timeoutMs < (what === 'data' ? idleMs : firstTokenMs) ? { ...failure, blame: 'none' } : failure
  }

  #disarm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /**
   * When one prompt of a batch fails, decode answers for all and the others wait on, named by no rid: only their KV cache
   * frees them. So prefill may come to its end, for as long as an abort may be deferred.
   */
  #keepsPrefillRunning({ error }: Failure): boolean {
    const { status } = this.#decode.body
    return error.leg === 'decode' && this.#plan.rids.length > 1 && (status === 200 || status === 500)
  }

  #close(isEarly: boolean, keepsPrefillRunning = false): void {
    this.#isClosed = true
    this.#disarm()
    clearTimeout(this.#graceTimer)
    clearTimeout(this.#bodyTimer)
    clearTimeout(this.#errorTimer)
    if (isEarly) this.#abortOnEngines(keepsPrefillRunning)
    this.#prefill.isOpen = false
    if (keepsPrefillRunning) this.#deferPrefill()
    else this.#endLeg(this.#plan.prefill, this.#prefillLeg)
    if (isEarly && this.#defersDecodeAbort()) return this.#deferDecode()
    this.#endDecode()
  }

  #endDecode(): void {
    this.#decode.isOpen = false
    this.#endLeg(this.#plan.decode, this.#decodeLeg)
    this.#resources.journal.close(this.#record)
  }

  #endLeg(engine: Engine | undefined, leg: OpenLeg | undefined): void {
    if (engine === undefined || leg === undefined) return
    leg.handle?.abort()
    leg.lease.release()
    if (leg.handle?.wasSent !== true) this.#resources.metrics.legUnsent(engine)
  }

  #abortOnEngines(keepsPrefillRunning = false): void {
    const { prefill } = this.#plan
    if (prefill !== undefined && !keepsPrefillRunning) this.#sendAbort(prefill, this.#prefill.body.status)
    if (!this.#defersDecodeAbort()) this.#sendAbort(this.#plan.decode, this.#decode.body.status)
  }

  /** `status`: 0 for a leg that has shown nothing. */
  #sendAbort({ url }: Engine, status: number): void {
    const { rids, headers } = this.#plan
    const maybeUnread = status === 0 && performance.now() - this.#startedMs < MAYBE_UNREAD_MS
    this.#resources.aborts.send({ url, rids, headers, maybeUnread })
  }

  /** Some engine versions crash when decode is aborted in mid KV transfer, that is before its first item (smg#2114). */
  #defersDecodeAbort(): boolean {
    return (
      this.#resources.config.upstream.abortMode === 'deferred' &&
      this.#decode.isOpen &&
      this.#state.decode === 'waiting' &&
      this.#plan.prefill !== undefined
    )
  }

  /** Prefill ends by itself, or is ended after `abortDeferMs`. Its place is free at once, as after any failure. */
  #deferPrefill(): void {
    const { prefill } = this.#plan
    const leg = this.#prefillLeg
    if (prefill === undefined || leg === undefined) return
    leg.lease.release()
    setTimeout(() => {
      if (leg.handle?.isDone !== true) this.#sendAbort(prefill, this.#prefill.body.status)
      this.#endLeg(prefill, leg)
    }, this.#resources.config.upstream.abortDeferMs)
  }

  #deferDecode(): void {
    const { config } = this.#resources
    const end = (): void => {
      clearTimeout(timer)
      this.#sendAbort(this.#plan.decode, this.#decode.body.status)
      this.#endDecode()
    }
    const timer = setTimeout(end, config.upstream.abortDeferMs)
    this.#decode.onFirstSign = end
  }
}

function openLeg(handler: ResponseHandler, lease: Lease): OpenLeg {
  return { handler, lease, handle: undefined }
}
