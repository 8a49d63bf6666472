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
import type { Exchange } from './exchange.ts'

export interface SuspectsOptions {
  readonly nowMs: NowMs
  readonly hasThread: () => boolean
  readonly open: (exchange: Exchange) => void
  readonly giveUp: (exchange: Exchange) => void
}

/** One that makes its thread stand still is not found out within this: those tried after it share its thread. */
const TRIAL_MS = 1000
const LINE_MS = 30_000
const LOOK_MS = 20

export class Suspects {
  readonly #options: SuspectsOptions
  /** Oldest first. */
  #line: Exchange[] = []
  #giveUpAtMs = 0
  #onTrial: Exchange | undefined
  #trialEndMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: SuspectsOptions) {
    this.#options = options
  }

  /** More of them: those of one thread that has died. */
  add(exchanges: readonly Exchange[]): void {
    if (exchanges.length === 0) return
    if (this.#line.length === 0) this.#giveUpAtMs = this.#options.nowMs() + LINE_MS
    this.#line = [...this.#line, ...exchanges].toSorted((one, other) => one.sinceMs - other.sinceMs)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS)
  }

  /** The thread of these has died. Returns whether the one on trial is among them; its trial is over. */
  endTrial(lost: readonly Exchange[]): boolean {
    if (this.#onTrial === undefined || !lost.includes(this.#onTrial)) return false
    this.#onTrial = undefined
    return true
  }

  /** The guilty one is found: all others are opened. */
  release(): void {
    for (const exchange of this.#line.splice(0)) if (!exchange.isOver) this.#options.open(exchange)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#line = []
    this.#onTrial = undefined
  }

  #look(): void {
    const nowMs = this.#options.nowMs()
    const trial = this.#onTrial
    if (trial !== undefined && !trial.isOver && trial.isUnanswered && nowMs < this.#trialEndMs) return
    this.#onTrial = undefined
    if (nowMs >= this.#giveUpAtMs) for (const exchange of this.#line.splice(0)) this.#options.giveUp(exchange)
    if (this.#line.length === 0) return this.close()
    if (this.#options.hasThread()) this.#try(this.#line.pop(), nowMs)
  }

  #try(exchange: Exchange | undefined, nowMs: number): void {
    if (exchange === undefined || exchange.isOver) return
    this.#onTrial = exchange
    this.#trialEndMs = nowMs + TRIAL_MS
    this.#options.open(exchange)
  }
}
