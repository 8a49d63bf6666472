/**
 * Finds router threads for requests that have none: new ones while no thread runs, and those whose thread died before
 * their response started. They are assigned at once, or wait for a thread. A request that has lost too many threads may
 * be what kills them: it is tried alone in the quarantine (`quarantine.ts`), and fails if that thread dies, too.
 */
import type { NowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import type { ThreadChannel } from '../../messages/channel.ts'
import type { ClientExchange } from './client-exchange.ts'
import { Quarantine } from './quarantine.ts'

export interface ReassignmentOptions {
  /** The thread for the next request; `undefined` when none runs. */
  readonly assign: () => ThreadChannel | undefined
  /**
   * How often a request is assigned again before it is quarantined; 0 turns both off. The key is
   * `limits.threadLossRetries`.
   */
  readonly threadLossRetries: number
  readonly nowMs: NowMs
}

/** A dead thread is replaced well within this time, or not at all. */
const WAIT_MS = 10_000

export class Reassignment {
  readonly #options: ReassignmentOptions
  /** Exchanges that wait for a thread, oldest first, each with the time at which it fails. */
  readonly #waiting = new Map<ClientExchange, number>()
  readonly #quarantine: Quarantine
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReassignmentOptions) {
    this.#options = options
    this.#quarantine = new Quarantine({
      nowMs: options.nowMs,
      hasThread: () => options.assign() !== undefined,
      open: exchange => this.assign(exchange),
      giveUp: failLost,
    })
  }

  /** Sends the request to a thread, or makes it wait until one runs. */
  assign(exchange: ClientExchange): void {
    const channel = this.#options.assign()
    if (channel === undefined) this.#wait(exchange)
    else exchange.assignTo(channel, this.#options.nowMs())
  }

  /**
   * Takes all exchanges of a thread that has died. `wasOrdered` means that it was ended on purpose, so that no request
   * can have killed it. Returns how many were saved: assigned again, now or later.
   */
  rescue(lost: readonly ClientExchange[], wasOrdered: boolean): number {
    if (wasOrdered) for (const exchange of lost) exchange.discountAssignment()
    const isCulpritFound = this.#quarantine.endIsolation(lost) && !wasOrdered
    const quarantined: ClientExchange[] = []
    let failed = 0
    for (const exchange of lost) {
      const fate = this.#fateOf(exchange)
      if (fate === 'fail') {
        failed++
        failLost(exchange)
      } else if (fate === 'assign' || isCulpritFound) this.assign(exchange)
      else quarantined.push(exchange)
    }
    if (isCulpritFound) this.#quarantine.release()
    this.#quarantine.add(quarantined)
    return lost.length - failed
  }

  /** A thread has started to take requests: those that wait are assigned. */
  threadReady(): void {
    const waiting = [...this.#waiting.keys()]
    this.#waiting.clear()
    clearTimeout(this.#timer)
    for (const exchange of waiting) if (!exchange.isDone) this.assign(exchange)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.clear()
    this.#quarantine.close()
  }

  #fateOf({ isUnstarted, assignments }: ClientExchange): 'assign' | 'quarantine' | 'fail' {
    const { threadLossRetries } = this.#options
    if (!isUnstarted) return 'fail'
    if (assignments <= threadLossRetries) return 'assign'
    return assignments === threadLossRetries + 1 && threadLossRetries > 0 ? 'quarantine' : 'fail'
  }

  #wait(exchange: ClientExchange): void {
    this.#waiting.set(exchange, this.#options.nowMs() + WAIT_MS)
    if (this.#waiting.size === 1) this.#arm(WAIT_MS)
  }

  #arm(delayMs: number): void {
    this.#timer = setTimeout(() => this.#failOldest(), delayMs)
  }

  #failOldest(): void {
    const nowMs = this.#options.nowMs()
    for (const [exchange, untilMs] of this.#waiting) {
      if (untilMs > nowMs) return this.#arm(untilMs - nowMs)
      this.#waiting.delete(exchange)
      exchange.fail(new GatewayError('thread-lost', 'No router thread is running'))
    }
  }
}

function failLost(exchange: ClientExchange): void {
  const { isUnstarted, assignments } = exchange
  const threads = assignments === 1 ? '1 router thread' : `${assignments} router threads`
  const message = isUnstarted
    ? `The request was open on ${threads} that died. It may have caused that and is not retried (limits.threadLossRetries).`
    : 'The router thread of this request died before the response was complete'
  exchange.fail(new GatewayError('thread-lost', message))
}
