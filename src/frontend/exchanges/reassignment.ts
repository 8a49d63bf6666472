/**
 * Requests without a router thread: new ones while none runs, and those whose thread died before it said a word about
 * them. They go to another thread at once, or wait for one. Those whose threads keep dying are tried one by one
 * (`suspects.ts`), and given up when another thread dies with them: one of them may be what kills the threads.
 */
import type { NowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import type { ClientExchange } from './client-exchange.ts'
import { Quarantine } from './quarantine.ts'

export interface ReassignmentOptions {
  /** The thread for the next request; `undefined` when there is none. */
  readonly assign: () => ThreadChannel | undefined
  /** Times that a request may be opened again, before it is tried alone once; with 0 neither. */
  readonly threadLossRetries: number
  readonly nowMs: NowMs
}

/** A thread that ends is replaced well within this, or not at all. */
const WAIT_MS = 10_000

export class Reassignment {
  readonly #options: ReassignmentOptions
  /** Those that wait for a thread, oldest first, with the time at which they are given up. */
  readonly #waiting = new Map<ClientExchange, number>()
  readonly #quarantine: Quarantine
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReassignmentOptions) {
    this.#options = options
    this.#quarantine = new Quarantine({
      nowMs: options.nowMs,
      hasThread: () => options.assign() !== undefined,
      open: exchange => this.place(exchange),
      giveUp: fail,
    })
  }

  /** A new request: to a thread, or it waits for one. */
  place(exchange: ClientExchange): void {
    const channel = this.#options.assign()
    if (channel === undefined) this.#wait(exchange)
    else exchange.assignTo(channel, this.#options.nowMs())
  }

  /**
   * The thread of these is gone; `wasOrdered`: by an order, so no request can have killed it. Returns how many of them
   * are saved: opened again, now or later.
   */
  rescue(lost: readonly ClientExchange[], wasOrdered: boolean): number {
    if (wasOrdered) for (const exchange of lost) exchange.discountAssignment()
    const isFoundOut = this.#quarantine.endIsolation(lost) && !wasOrdered
    const quarantine: ClientExchange[] = []
    let failed = 0
    for (const exchange of lost) {
      const fate = this.#fateOf(exchange)
      if (fate === 'failed') {
        failed++
        fail(exchange)
      } else if (fate === 'again' || isFoundOut) this.place(exchange)
      else quarantine.push(exchange)
    }
    if (isFoundOut) this.#quarantine.release()
    this.#quarantine.add(quarantine)
    return lost.length - failed
  }

  /** A thread takes requests: those that wait are placed. */
  threadReady(): void {
    const waiting = [...this.#waiting.keys()]
    this.#waiting.clear()
    clearTimeout(this.#timer)
    for (const exchange of waiting) if (!exchange.isDone) this.place(exchange)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#quarantine.close()
  }

  #fateOf({ isUnstarted, assignments }: ClientExchange): 'again' | 'suspect' | 'failed' {
    const { threadLossRetries } = this.#options
    if (!isUnstarted) return 'failed'
    if (assignments <= threadLossRetries) return 'again'
    return assignments === threadLossRetries + 1 && threadLossRetries > 0 ? 'suspect' : 'failed'
  }

  #wait(exchange: ClientExchange): void {
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

function fail(exchange: ClientExchange): void {
  const { isUnstarted, assignments } = exchange
  const message = isUnstarted
    ? `The request was open on ${assignments} router ${assignments === 1 ? 'thread' : 'threads'} when they died; it may be what kills them and is not tried again (limits.threadLossRetries).`
    : 'The router thread of this request has ended in the middle of its answer.'
  exchange.fail(new GatewayError('thread-lost', message))
}
