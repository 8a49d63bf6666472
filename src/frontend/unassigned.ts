/**
 * Requests without a router thread: new ones while none runs, and those whose thread died before it said a word about
 * them. They go to another thread at once, or wait for one; a request whose threads keep dying is given up, for it may
 * be what kills them.
 */
import type { NowMs } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import type { Exchange } from './exchange.ts'

export interface UnassignedOptions {
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  /** Times that a request may be opened again. */
  readonly maxReopens: number
  readonly nowMs: NowMs
}

/** A thread that ends is replaced well within this, or not at all. */
const WAIT_MS = 10_000

export class Unassigned {
  readonly #options: UnassignedOptions
  /** Those that wait for a thread, oldest first, with the time at which they are given up. */
  readonly #waiting = new Map<Exchange, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: UnassignedOptions) {
    this.#options = options
  }

  /** A new request: to a thread, or it waits for one. */
  place(exchange: Exchange): void {
    const channel = this.#options.assign()
    if (channel === undefined) this.#wait(exchange)
    else exchange.openOn(channel, this.#options.nowMs())
  }

  /**
   * The exchange's thread is gone; `wasOrdered`: by an order, so no request can have killed it. Returns whether the
   * request is saved: opened again, now or later.
   */
  rescue(exchange: Exchange, wasOrdered: boolean): boolean {
    if (wasOrdered) exchange.forgiveOpening()
    if (exchange.isUnanswered && exchange.opens <= this.#options.maxReopens) {
      this.place(exchange)
      return true
    }
    exchange.fail(new GatewayError('thread-lost', this.#whyLost(exchange)))
    return false
  }

  /** A thread takes requests: those that wait are placed. */
  threadReady(): void {
    const waiting = [...this.#waiting.keys()]
    this.#waiting.clear()
    clearTimeout(this.#timer)
    for (const exchange of waiting) if (!exchange.isOver) this.place(exchange)
  }

  #whyLost({ isUnanswered, opens }: Exchange): string {
    if (!isUnanswered) return 'The router thread of this request has ended in the middle of its answer.'
    const { maxReopens } = this.#options
    return `The request was open on ${opens} router threads when they died; it may be what kills them and is not tried again (limits.reopens is ${maxReopens}).`
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
  }

  #wait(exchange: Exchange): void {
    this.#waiting.set(exchange, this.#options.nowMs() + WAIT_MS)
    if (this.#waiting.size === 1) this.#arm(WAIT_MS)
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.#giveUpOldest(), delayMs)
  }

  #giveUpOldest(): void {
    const nowMs = this.#options.nowMs()
    for (const [exchange, untilMs] of this.#waiting) {
      if (untilMs > nowMs) return this.#arm(untilMs - nowMs)
      this.#waiting.delete(exchange)
      exchange.fail(new GatewayError('thread-lost', 'no router thread is running'))
    }
  }
}
