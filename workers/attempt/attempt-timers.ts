/**
 * The timers of one attempt. Each reports to the attempt at most once; all end with it.
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

export class AttemptTimers {
  readonly #events: TimerEvents
  readonly #timeouts: RequestTimeouts
  readonly #config: Pick<Config, 'upstream' | 'timeouts'>
  #firstToken: NodeJS.Timeout | undefined
  #silence: NodeJS.Timeout | undefined
  #body: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined
  #errorBody: NodeJS.Timeout | undefined
  /** When decode last sent data, on the clock of `performance.now()`. Hot path: a chunk writes it and moves no timer. */
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
    const { firstTokenMs } = this.#timeouts
    this.#firstToken = setTimeout(() => this.#expire('first-token', firstTokenMs), firstTokenMs)
  }

  stopFirstToken(): void {
    clearTimeout(this.#firstToken)
  }

  startSilence(): void {
    this.lastDataMs = performance.now()
    this.#progressMs = this.lastDataMs
    this.#watchSilence()
  }

  /** Decode has sent whole events. */
  noteEvents(events: Uint8Array): void {
    this.lastDataMs = performance.now()
    if (!isKeepAlive(events)) this.#progressMs = this.lastDataMs
  }

  /** Starts the body timer, or starts it again. `isBlank`: nothing but white space has arrived. */
  renewBody(isBlank: boolean): void {
    const { idleMs } = this.#timeouts
    const nowMs = performance.now()
    if (!isBlank) this.#progressMs = nowMs
    else if (nowMs - this.#progressMs > this.#pingOnlyMs - idleMs) return
    if (this.#body === undefined) this.#body = setTimeout(() => this.#expire('body', idleMs), idleMs)
    else this.#body.refresh()
  }

  stopBody(): void {
    clearTimeout(this.#body)
  }

  /** Decode is complete: only prefill is waited for. */
  startGrace(): void {
    clearTimeout(this.#firstToken)
    clearTimeout(this.#silence)
    const { prefillGraceMs } = this.#config.upstream
    this.#grace = setTimeout(() => this.#expire('grace', prefillGraceMs), prefillGraceMs)
  }

  /** The first leg with an error status starts it; the other one does not start it again. */
  startErrorBody(leg: Leg): void {
    this.#errorBody ??= setTimeout(() => this.#events.onErrorBodyTimeout(leg), ERROR_BODY_MS)
  }

  stopAll(): void {
    clearTimeout(this.#firstToken)
    clearTimeout(this.#silence)
    clearTimeout(this.#body)
    clearTimeout(this.#grace)
    clearTimeout(this.#errorBody)
  }

  /** Fires at the earliest moment at which the silence could exceed the limit, and sleeps again if there was data. */
  #watchSilence(): void {
    const { idleMs } = this.#timeouts
    const endMs = Math.min(this.lastDataMs + idleMs, this.#progressMs + this.#pingOnlyMs)
    const leftMs = endMs - performance.now()
    if (leftMs <= 0) return this.#expire('silence', idleMs)
    this.#silence = setTimeout(() => this.#watchSilence(), leftMs)
  }

  get #pingOnlyMs(): number {
    return Math.max(this.#config.timeouts.pingOnlyMs, this.#timeouts.idleMs)
  }

  #expire(timer: TimeoutEvent['timer'], timeoutMs: number): void {
    this.#events.onTimeout({
      kind: 'timeout',
      timer,
      timeoutMs,
      isClientTimeout: timeoutMs < this.#configuredMs(timer),
    })
  }

  #configuredMs(timer: TimeoutEvent['timer']): number {
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
