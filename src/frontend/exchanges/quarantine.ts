/**
 * Requests that were open on so many dying threads that one of them may be what kills the threads. They are opened
 * once more, one at a time, so that the one that does is alone when it happens: then the others are free to go.
 *
 *   line ──its turn──▶ on trial ──first word, over, or TRIAL_MS──▶ passed
 *    │                    └──its thread dies──▶ guilty: all that still wait are released
 *    └──LINE_MS──▶ given up
 *
 * The newest comes first: a thread that dies of a request mostly does so as it takes it.
 */
import type { NowMs } from '../../core/clock.ts'
import type { ClientExchange } from './client-exchange.ts'

export interface QuarantineOptions {
  readonly nowMs: NowMs
  readonly hasThread: () => boolean
  readonly open: (exchange: ClientExchange) => void
  readonly giveUp: (exchange: ClientExchange) => void
}

/** One that makes its thread stand still is not found out within this: those tried after it share its thread. */
const ISOLATION_MS = 1000
const LINE_MS = 30_000
const LOOK_MS = 20

export class Quarantine {
  readonly #options: QuarantineOptions
  /** Oldest first. */
  #line: ClientExchange[] = []
  #giveUpAtMs = 0
  #isolated: ClientExchange | undefined
  #isolationEndMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: QuarantineOptions) {
    this.#options = options
  }

  /** More of them: those of one thread that has died. */
  add(exchanges: readonly ClientExchange[]): void {
    if (exchanges.length === 0) return
    if (this.#line.length === 0) this.#giveUpAtMs = this.#options.nowMs() + LINE_MS
    this.#line = [...this.#line, ...exchanges].toSorted((one, other) => one.receivedMs - other.receivedMs)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS)
  }

  /** The thread of these has died. Returns whether the one on trial is among them; its trial is over. */
  endIsolation(lost: readonly ClientExchange[]): boolean {
    if (this.#isolated === undefined || !lost.includes(this.#isolated)) return false
    this.#isolated = undefined
    return true
  }

  /** The guilty one is found: all others are opened. */
  release(): void {
    for (const exchange of this.#line.splice(0)) if (!exchange.isDone) this.#options.open(exchange)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#line = []
    this.#isolated = undefined
  }

  #look(): void {
    const nowMs = this.#options.nowMs()
    const isolated = this.#isolated
    if (isolated !== undefined && !isolated.isDone && isolated.isUnstarted && nowMs < this.#isolationEndMs)
      return
    this.#isolated = undefined
    if (nowMs >= this.#giveUpAtMs) for (const exchange of this.#line.splice(0)) this.#options.giveUp(exchange)
    if (this.#line.length === 0) return this.close()
    if (this.#options.hasThread()) this.#try(this.#line.pop(), nowMs)
  }

  #try(exchange: ClientExchange | undefined, nowMs: number): void {
    if (exchange === undefined || exchange.isDone) return
    this.#isolated = exchange
    this.#isolationEndMs = nowMs + ISOLATION_MS
    this.#options.open(exchange)
  }
}
