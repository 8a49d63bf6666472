/**
 * One attempt: a request sent to both engines of a pair at the same time, watched, and ended as one.
 *   prefill  ├─ dispatch ──────────────────── response ─┤
 *   decode   ├─ dispatch ─── head ─── first token ─── data ─── data ─── end ─┤
 *   timers   │ first token ─────────────▶│ silence ──▶│ ──▶│ ──▶│        │ grace, if prefill is late
 *   handler                              onHead onData  onData  onData   onEnd
 *                                        └ commit: a later failure breaks the stream, as does another prompt of prefill
 *
 * A response that is not streamed is held to its end. `state.ts` decides what happens next, `attempt-timers.ts` has the
 * timers, `abort-policy.ts` the aborts, this file connections and leases: nothing outlives `#close` but a deferred abort.
 */
import type { Config } from '../../src/config/config.ts'
import type { LostEngine } from '../../src/core/engine.ts'
import type { Leg } from '../../src/core/errors.ts'
import type { LegJournal } from '../../src/shared/leg-journal.ts'
import type { Failure } from '../classify/failure.ts'
import type { CachedPrompt, ResponseSummary } from '../dialects/response-summary.ts'
import { AbortPolicy } from './abort-policy.ts'
import { AttemptTimers, type TimerEvents } from './attempt-timers.ts'
import { type DecodeEvents, DecodeLeg } from './decode-leg.ts'
import { decodeLimits } from './decode-limits.ts'
import type { EngineAborts } from './engine-abort.ts'
import { AttemptBodies, type AttemptBodiesDependencies } from './large-bodies.ts'
import { type LegDependencies, LegRequest } from './leg-request.ts'
import { failLegOn } from './lost-engine.ts'
import type { AttemptEvents, AttemptHandle, AttemptPlan, ResponseHead } from './plan.ts'
import { type PrefillEvents, PrefillLeg } from './prefill-leg.ts'
import { type AttemptEvent, type AttemptState, awaitsPrefill, initialState, nextStep } from './state.ts'

export interface AttemptDependencies extends LegDependencies, AttemptBodiesDependencies {
  readonly config: Pick<Config, 'upstream' | 'limits' | 'timeouts'>
  readonly aborts: Pick<EngineAborts, 'send'>
  readonly journal: Pick<LegJournal, 'open' | 'close'>
}

export class Attempt implements AttemptHandle, PrefillEvents, DecodeEvents, TimerEvents {
  readonly #plan: AttemptPlan
  readonly #events: AttemptEvents
  readonly #dependencies: AttemptDependencies
  readonly #prefill: PrefillLeg
  readonly #decode: DecodeLeg
  readonly #bodies: AttemptBodies
  readonly #timers: AttemptTimers
  readonly #abortPolicy: AbortPolicy
  #prefillRequest: LegRequest | undefined
  #decodeRequest: LegRequest | undefined
  #state: AttemptState
  #journalIndex = -1
  #isClosed = false

  constructor(plan: AttemptPlan, events: AttemptEvents, dependencies: AttemptDependencies) {
    this.#plan = plan
    this.#events = events
    this.#dependencies = dependencies
    this.#bodies = new AttemptBodies(plan, dependencies)
    const { prefill, isBatch, dialect, mergesPrefill, isStream, wantsToken, awaitsUsage } = plan
    const legOptions = { bodies: this.#bodies, dialect, isBatch, awaitsUsage, isPair: !!prefill }
    this.#prefill = new PrefillLeg(dependencies.config.limits.responseBytes, this, legOptions)
    this.#decode = new DecodeLeg(decodeLimits(plan, dependencies.config.limits), this, legOptions)
    this.#timers = new AttemptTimers(this, plan.timeouts, dependencies.config)
    this.#abortPolicy = new AbortPolicy(plan, { prefill: this.#prefill, decode: this.#decode }, dependencies)
    this.#state = initialState({ hasPrefill: !!prefill, mergesPrefill, isUnary: !isStream, wantsToken })
  }

  start(): void {
    const { prefill, decode, leases, exchangeId, rid } = this.#plan
    // A mixed engine sends nothing of such a response until it is complete: only the total deadline bounds it.
    if (this.#plan.showsProgress || prefill !== undefined) this.#timers.startFirstToken()
    if (prefill !== undefined && leases.prefill !== undefined)
      this.#prefillRequest = new LegRequest(prefill, leases.prefill, this.#dependencies)
    this.#decodeRequest = new LegRequest(decode, leases.decode, this.#dependencies)
    const legs = { exchangeId, prefillSlot: prefill?.slot ?? -1, decodeSlot: decode.slot, rid }
    this.#journalIndex = this.#dependencies.journal.open(legs)
    this.#prefillRequest?.send(this.#plan, this.#prefill)
    if (!this.#isClosed) this.#decodeRequest.send(this.#plan, this.#decode)
  }

  abort(): void {
    if (!this.#isClosed) this.#closeEarly()
  }

  requestAbort(): void {
    this.#decode.isAbortRequested = true
    this.#abortPolicy.abortPrefill()
    if (!this.#abortPolicy.defersDecode(this.#state)) this.#abortPolicy.abortDecode()
    this.#abortPolicy.endUnknownRid()
  }

  giveUpOn(lost: LostEngine): void {
    if (!this.#isClosed && !this.#state.isCommitted)
      failLegOn(lost, this.#plan, { prefill: this.#prefill, decode: this.#decode })
  }

  pause(): void {
    this.#decodeRequest?.pause()
  }

  resume(): void {
    this.#decodeRequest?.resume()
  }

  onPrefillComplete(summary: ResponseSummary): void {
    this.#prefillRequest?.release()
    if (!this.#plan.showsProgress) this.#timers.stopFirstToken()
    this.#events.onPromptComputed(summary.cached)
    this.#step({ kind: 'prefill-complete', summary })
  }

  onPrefillError(failure: Failure): void {
    this.#prefillRequest?.release()
    this.#step({ kind: 'prefill-error', failure })
  }

  onDecodeReady(summary: ResponseSummary): void {
    if (this.#plan.prefill === undefined) this.#events.onPromptComputed(summary.cached)
    this.#step({ kind: 'decode-ready', promptTokens: summary.promptTokens })
  }

  onDecodeUsage(promptTokens: number, cached?: CachedPrompt): void {
    if (cached !== undefined) this.#events.onPromptComputed(cached)
    this.#step({ kind: 'decode-counted', promptTokens })
  }

  onDecodeBody(isBlank: boolean): void {
    this.#timers.renewBody(isBlank)
  }

  onDecodeComplete(summary: ResponseSummary, isTerminated: boolean): void {
    this.#decodeRequest?.release()
    this.#timers.stopBody()
    if (this.#plan.prefill === undefined) this.#events.onPromptComputed(summary.cached)
    this.#step({ kind: 'decode-complete', summary, isTerminated, isHeld: this.#decode.heldEnd !== undefined })
  }

  onDecodeError(failure: Failure): void {
    this.#decodeRequest?.release()
    this.#timers.stopBody()
    this.#step({ kind: 'decode-error', failure })
  }

  onDecodePromptError(failure: Failure): void {
    this.#events.onPromptError(failure)
  }

  onDecodeReportedError(failure: Failure): void {
    this.#abortPolicy.abortBoth()
    this.#events.onReportedError(failure)
  }

  onErrorHead(leg: Leg): void {
    this.#timers.startErrorBody(leg)
  }

  onDecodeData(bytes: Uint8Array, isGoodEnd: boolean): void {
    this.#timers.noteEvents(bytes)
    if (isGoodEnd && awaitsPrefill(this.#state)) this.#decode.heldEnd = Buffer.from(bytes)
    else this.#events.onData(bytes)
  }

  onTimeout(event: AttemptEvent): void {
    // Decode has failed, so its capacity is free at once, even if its abort is deferred.
    if (event.kind === 'timeout' && event.timer === 'body') this.#decodeRequest?.release()
    this.#step(event)
  }

  onErrorBodyTimeout(leg: Leg): void {
    if (leg === 'prefill') this.onPrefillError(this.#prefill.errorResponse())
    else this.onDecodeError(this.#decode.errorResponse())
  }

  #step(event: AttemptEvent): void {
    if (this.#isClosed) return
    const { state, action } = nextStep(this.#state, event)
    this.#state = state
    switch (action.kind) {
      case 'wait':
        return
      case 'wait-for-prefill':
        return this.#timers.startGrace()
      case 'commit':
        return this.#commit()
      case 'finish':
        return this.#finish(action.from)
      case 'fail':
        this.#closeEarly()
        return this.#events.onError(action.failure)
      case 'break':
        this.#closeEarly()
        return this.#events.onStreamError(action.failure)
    }
  }

  #commit(): void {
    this.#timers.stopFirstToken()
    if (this.#plan.showsProgress) this.#timers.startSilence()
    this.#decode.commit()
    this.#events.onHead(this.#head(this.#decode.body))
    if (!this.#isClosed) this.#events.onData(this.#decode.body.joined())
  }

  #finish(from: Leg): void {
    const { body } = from === 'decode' ? this.#decode : this.#prefill
    this.#close()
    if (this.#decode.heldEnd !== undefined) this.#events.onData(this.#decode.heldEnd)
    if (this.#state.isCommitted) return this.#events.onEnd()
    // Prefill's own response already has prefill's logprobs.
    const head = { ...this.#head(body), ...(from === 'prefill' && { prefillBody: undefined }) }
    if (!body.isEventStream) return this.#events.onResponse(head, body.joined())
    this.#events.onHead(head)
    this.#events.onData(body.joined())
    this.#events.onEnd()
  }

  #head({ status, headers }: Pick<DecodeLeg['body'], 'status' | 'headers'>): ResponseHead {
    const prefillBody = this.#plan.mergesPrefill ? this.#prefill.body.joined() : undefined
    return { status, headers, prefillBody, rid: this.#plan.rid, knownEnds: this.#bodies.knownEnds }
  }

  #close(): void {
    this.#stop()
    this.#prefillRequest?.end()
    this.#decodeRequest?.leave()
    this.#closeDecode()
  }

  /** Before the responses are complete, so the engines get an abort. */
  #closeEarly(): void {
    this.#stop()
    this.#bodies.release()
    const defersDecode = this.#abortPolicy.defersDecode(this.#state)
    this.#abortPolicy.abortPrefill()
    if (!defersDecode) this.#abortPolicy.abortDecode()
    this.#prefillRequest?.end()
    if (defersDecode) this.#abortPolicy.abortDecodeLater(() => this.#closeDecode())
    else this.#closeDecode()
  }

  #stop(): void {
    this.#isClosed = true
    this.#bodies.stop()
    this.#timers.stopAll()
    this.#prefill.isOpen = false
  }

  #closeDecode(): void {
    this.#decode.isOpen = false
    this.#decodeRequest?.end()
    this.#dependencies.journal.close(this.#journalIndex)
  }
}
