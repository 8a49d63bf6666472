/**
 * Isolates requests that were open on several threads when those died, because one of them may be what kills threads.
 * They are opened one at a time, so that such a poison request is alone when it kills again; the others are then
 * released together.
 *
 *   queue ──its turn──▶ isolated ──response starts, done, or ISOLATION_MS──▶ passed
 *     │                    └──its thread dies──▶ culprit: fails, and the whole queue is released
 *     └──QUEUE_MS──▶ given up
 *
 * The newest request goes first: a thread that dies of a request mostly does so as it takes it.
 */
import type { NowMs } from '../../core/clock.ts'
import { Poll } from '../../core/poll.ts'
import type { ClientExchange } from './client-exchange.ts'

export interface QuarantineOptions {
  readonly nowMs: NowMs
  readonly hasThread: () => boolean
  readonly open: (exchange: ClientExchange) => void
  readonly giveUp: (exchange: ClientExchange) => void
}

/**
 * A request that passes may still block its thread, which takes longer to detect. The requests opened after it then
 * share its thread.
 */
const ISOLATION_MS = 1000
const QUEUE_MS = 30_000
const POLL_INTERVAL_MS = 20

export class Quarantine {
  readonly #options: QuarantineOptions
  readonly #poll = new Poll(POLL_INTERVAL_MS, () => this.#step())
  /** Oldest first. */
  #queue: ClientExchange[] = []
  #giveUpAtMs = 0
  #isolated: ClientExchange | undefined
  #isolationEndMs = 0

  constructor(options: QuarantineOptions) {
    this.#options = options
  }

  /** Queues exchanges of one dead thread. */
  add(exchanges: readonly ClientExchange[]): void {
    if (exchanges.length === 0) return
    if (this.#queue.length === 0) this.#giveUpAtMs = this.#options.nowMs() + QUEUE_MS
    this.#queue = [...this.#queue, ...exchanges].toSorted((a, b) => a.receivedMs - b.receivedMs)
    this.#poll.start()
  }

  /** Takes all exchanges of a thread that has died. Returns whether the isolated one is among them. */
  endIsolation(lost: readonly ClientExchange[]): boolean {
    if (this.#isolated === undefined || !lost.includes(this.#isolated)) return false
    this.#isolated = undefined
    return true
  }

  /** Opens the whole queue, because the culprit has been found. */
  release(): void {
    for (const exchange of this.#queue.splice(0)) if (!exchange.isDone) this.#options.open(exchange)
  }

  close(): void {
    this.#poll.stop()
    this.#queue = []
    this.#isolated = undefined
  }

  #step(): void {
    const nowMs = this.#options.nowMs()
    const isolated = this.#isolated
    if (isolated !== undefined && !isolated.isDone && isolated.isUnstarted && nowMs < this.#isolationEndMs)
      return
    this.#isolated = undefined
    if (nowMs >= this.#giveUpAtMs)
      for (const exchange of this.#queue.splice(0)) this.#options.giveUp(exchange)
    if (this.#queue.length === 0) return this.close()
    if (this.#options.hasThread()) this.#isolate(this.#queue.pop(), nowMs)
  }

  #isolate(exchange: ClientExchange | undefined, nowMs: number): void {
    if (exchange === undefined || exchange.isDone) return
    this.#isolated = exchange
    this.#isolationEndMs = nowMs + ISOLATION_MS
    this.#options.open(exchange)
  }
}
