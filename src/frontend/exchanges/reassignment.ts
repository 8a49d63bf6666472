/**
 * Requests without a router thread: new ones while none runs, and those whose thread died before it said a word about
 * them. They go to another thread at once, or wait for one. Those whose threads keep dying are tried one by one
 * (`suspects.ts`), and given up when another thread dies with them: one of them may be what kills the threads.
 */
import type { NowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import type { Exchange } from './exchange.ts'
import { Suspects } from './quarantine.ts'

export interface UnassignedOptions {
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  /** Times that a request may be opened again, before it is tried alone once; with 0 neither. */
  readonly maxReopens: number
  readonly nowMs: NowMs
}

/** A thread that ends is replaced well within this, or not at all. */
const WAIT_MS = 10_000

export class Unassigned {
  readonly #options: UnassignedOptions
  /** Those that wait for a thread, oldest first, with the time at which they are given up. */
  readonly #waiting = new Map<Exchange, number>()
  readonly #suspects: Suspects
  #timer: NodeJS.Timeout | undefined

  constructor(options: UnassignedOptions) {
    this.#options = options
    this.#suspects = new Suspects({
      nowMs: options.nowMs,
      hasThread: () => options.assign() !== undefined,
      open: exchange => this.place(exchange),
      giveUp: fail,
    })
  }

  /** A new request: to a thread, or it waits for one. */
  place(exchange: Exchange): void {
    const channel = this.#options.assign()
    if (channel === undefined) this.#wait(exchange)
    else exchange.openOn(channel, this.#options.nowMs())
  }

  /**
   * The thread of these is gone; `wasOrdered`: by an order, so no request can have killed it. Returns how many of them
   * are saved: opened again, now or later.
   */
  rescue(lost: readonly Exchange[], wasOrdered: boolean): number {
    if (wasOrdered) for (const exchange of lost) exchange.forgiveOpening()
    const isFoundOut = this.#suspects.endTrial(lost) && !wasOrdered
    const suspects: Exchange[] = []
    let failed = 0
    for (const exchange of lost) {
      const fate = this.#fateOf(exchange)
      if (fate === 'failed') {
        failed++
        fail(exchange)
      } else if (fate === 'again' || isFoundOut) this.place(exchange)
      else suspects.push(exchange)
    }
    if (isFoundOut) this.#suspects.release()
    this.#suspects.add(suspects)
    return lost.length - failed
  }

  /** A thread takes requests: those that wait are placed. */
  threadReady(): void {
    const waiting = [...this.#waiting.keys()]
    this.#waiting.clear()
    clearTimeout(this.#timer)
    for (const exchange of waiting) if (!exchange.isOver) this.place(exchange)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#suspects.close()
  }

  #fateOf({ isUnanswered, opens }: Exchange): 'again' | 'suspect' | 'failed' {
    const { maxReopens } = this.#options
    if (!isUnanswered) return 'failed'
    if (opens <= maxReopens) return 'again'
    return opens === maxReopens + 1 && maxReopens > 0 ? 'suspect' : 'failed'
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

function fail(exchange: Exchange): void {
  const { isUnanswered, opens } = exchange
  const message = isUnanswered
    ? `The request was open on ${opens} router ${opens === 1 ? 'thread' : 'threads'} when they died; it may be what kills them and is not tried again (limits.reopens).`
    : 'The router thread of this request has ended in the middle of its answer.'
  exchange.fail(new GatewayError('thread-lost', message))
}
