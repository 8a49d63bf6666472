/**
 * The time limits of one attempt. Each reports to the attempt at most once; all end with it.
 *
 *   first token  dispatch ──▶ commit, or prefill's response when the response is not streamed
 *   silence      commit ──▶ end of the stream; every chunk renews it, but comments and pings for `timeouts.pingOnlyMs` only
 *   body         head of a response that is not streamed ──▶ its end; every part of the body renews it, blanks like comments
 *   grace        end of decode ──▶ prefill's response
 *   error body   head with an error status ──▶ end of its body
 */
import type { Config } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'
import { isKeepAlive } from '../sse/events.ts'
import type { TimeoutEvent } from './state.ts'

export interface TimerEvents {
  onTimeout(event: TimeoutEvent): void
  onErrorBodyTimeout(leg: Leg): void
}

/** How long the body of an error response may take. The other leg must not wait longer. */
const ERROR_BODY_MS = 30

type Limit = TimeoutEvent['timer']

const LIMITS: readonly Limit[] = ['first-token', 'silence', 'body', 'grace']

/**
 * One timer of Node serves all of them, because each costs more than all the rest that is done here. It is set for the
 * earliest moment at which something could end. What arrives moves that moment only, and not the timer: when it fires too
 * early, it is set again.
 */
export class AttemptTimers {
  readonly #events: TimerEvents
  readonly #timeouts: RequestTimeouts
  readonly #config: Pick<Config, 'upstream' | 'timeouts'>
  #timer: NodeJS.Timeout | undefined
  /** When it fires, like all times here on the clock of `performance.now()`. `Infinity` if it is not set. */
  #wakeMs = Infinity
  #firstTokenEndMs = Infinity
  #graceEndMs = Infinity
  /** What decode must not interrupt. */
  #flow: 'silence' | 'body' | undefined
  #errorBody: NodeJS.Timeout | undefined
  /** When decode last sent data. Hot path: a chunk writes it and does nothing else. */
  lastDataMs = 0
  /** When decode last sent more than comments, pings or blanks. */
  #progressMs = 0

  /** `timeouts`: those of the request, which its client may have set; `config`: what is configured. */
  constructor(events: TimerEvents, timeouts: RequestTimeouts, config: Pick<Config, 'upstream' | 'timeouts'>) {
    this.#events = events
    this.#timeouts = timeouts
    this.#config = config
  }

  startFirstToken(): void {
    const { firstTokenMs, idleMs } = this.#timeouts
    const nowMs = performance.now()
    this.#firstTokenEndMs = nowMs + firstTokenMs
    // What may follow lasts for at least `idleMs` from then on, so the timer needs no other time for it.
    this.#wakeIn(Math.min(firstTokenMs, idleMs), nowMs)
  }

  stopFirstToken(): void {
    this.#firstTokenEndMs = Infinity
  }

  startSilence(): void {
    this.#startFlow('silence')
  }

  /** Decode has sent whole events. */
  noteEvents(events: Uint8Array): void {
    this.lastDataMs = performance.now()
    if (!isKeepAlive(events)) this.#progressMs = this.lastDataMs
  }

  /** Starts the body timer, or starts it again. `isBlank`: nothing but white space has arrived. */
  renewBody(isBlank: boolean): void {
    if (this.#flow === undefined) return this.#startFlow('body')
    this.lastDataMs = performance.now()
    if (!isBlank) this.#progressMs = this.lastDataMs
  }

  stopBody(): void {
    this.#flow = undefined
  }

  /** Decode is complete: only prefill is waited for. */
  startGrace(): void {
    const { prefillGraceMs } = this.#config.upstream
    const nowMs = performance.now()
    this.#firstTokenEndMs = Infinity
    this.#flow = undefined
    this.#graceEndMs = nowMs + prefillGraceMs
    this.#wakeIn(prefillGraceMs, nowMs)
  }

  /** The first leg with an error status starts it; the other one does not start it again. */
  startErrorBody(leg: Leg): void {
    this.#errorBody ??= setTimeout(() => this.#events.onErrorBodyTimeout(leg), ERROR_BODY_MS)
  }

  stopAll(): void {
    this.#firstTokenEndMs = Infinity
    this.#graceEndMs = Infinity
    this.#flow = undefined
    // Before any other time, so the timer is not set again by what a leg still reports.
    this.#wakeMs = -Infinity
    clearTimeout(this.#timer)
    if (this.#errorBody !== undefined) clearTimeout(this.#errorBody)
  }

  #startFlow(flow: 'silence' | 'body'): void {
    this.#flow = flow
    this.lastDataMs = performance.now()
    this.#progressMs = this.lastDataMs
    this.#wakeIn(this.#timeouts.idleMs, this.lastDataMs)
  }

  /** Does nothing if the timer fires earlier than that. */
  #wakeIn(delayMs: number, nowMs: number): void {
    const wakeMs = nowMs + delayMs
    if (wakeMs >= this.#wakeMs) return
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#wakeMs = wakeMs
    this.#timer = setTimeout(() => this.#wake(), delayMs)
  }

  #wake(): void {
    this.#wakeMs = Infinity
    const limit = this.#nextLimit()
    if (limit !== undefined && this.#endMs(limit) <= performance.now()) this.#expire(limit)
    // The end of one may have ended the attempt, and with it all others.
    const next = this.#nextLimit()
    if (next === undefined) return
    const nowMs = performance.now()
    this.#wakeIn(Math.max(0, this.#endMs(next) - nowMs), nowMs)
  }

  /** The one that ends first; `undefined` if none is set. */
  #nextLimit(): Limit | undefined {
    let next: Limit | undefined
    let nextMs = Infinity
    for (const limit of LIMITS) {
      const endMs = this.#endMs(limit)
      if (endMs < nextMs) [next, nextMs] = [limit, endMs]
    }
    return next
  }

  /** `Infinity` if it is not set. */
  #endMs(limit: Limit): number {
    switch (limit) {
      case 'first-token':
        return this.#firstTokenEndMs
      case 'grace':
        return this.#graceEndMs
      case 'silence':
      case 'body':
        return limit === this.#flow
          ? Math.min(this.lastDataMs + this.#timeouts.idleMs, this.#progressMs + this.#pingOnlyMs)
          : Infinity
    }
  }

  get #pingOnlyMs(): number {
    return Math.max(this.#config.timeouts.pingOnlyMs, this.#timeouts.idleMs)
  }

  #expire(timer: Limit): void {
    const timeoutMs = this.#limitMs(timer)
    if (timer === 'first-token') this.#firstTokenEndMs = Infinity
    else if (timer === 'grace') this.#graceEndMs = Infinity
    else this.#flow = undefined
    const isClientTimeout = timeoutMs < this.#configuredMs(timer)
    this.#events.onTimeout({ kind: 'timeout', timer, timeoutMs, isClientTimeout })
  }

  #limitMs(timer: Limit): number {
    if (timer === 'grace') return this.#config.upstream.prefillGraceMs
    return timer === 'first-token' ? this.#timeouts.firstTokenMs : this.#timeouts.idleMs
  }

  #configuredMs(timer: Limit): number {
    const { timeouts, upstream } = this.#config
    switch (timer) {
      case 'first-token':
        return timeouts.firstTokenMs
      case 'silence':
      case 'body':
        return timeouts.idleMs
      case 'grace':
        return upstream.prefillGraceMs
    }
  }
}
