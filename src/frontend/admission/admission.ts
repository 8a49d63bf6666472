/**
 * Who may go to work now, who waits, who is refused. Every request is counted while it is open; one for tokens also
 * needs a place, which it has until its last byte is out.
 *
 * There are as many places as the engines, the descriptors and the operator allow. While no engine is healthy there is
 * none: requests wait out a short outage, or the start of the first engine, and are refused after `outageWaitSecs`.
 */
import type { Config } from '../../config/config.ts'
import type { NowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { AdmissionQueue, type Ticket } from './queue.ts'
import { CompletionRate } from './retry-after.ts'

export interface AdmissionOptions<T> {
  /** Requests open at once, whatever they ask for. */
  readonly maxOpen: number
  readonly config: Config['admission']
  /** Total deadline of a request. */
  readonly totalMs: number
  /** Requests that the engines run at once: 0 when none is healthy, `Infinity` when they name no bound. */
  readonly capacity: () => number
  /** Requests for which there are descriptors; `Infinity` for no bound. */
  readonly maxLive: number
  readonly isUnderMemoryPressure: () => boolean
  readonly nowMs: NowMs
  /** A waiting request has its place now; `done` is owed. */
  readonly onTurn: (request: T) => void
  readonly onRefused: (request: T, error: GatewayError) => void
}

const LOOK_MS = 50
const RETRY_AFTER_MS = 1000
/** Beyond the engines' capacity: these wait in the router threads, so that a place on an engine is taken at once. */
const AHEAD_SHARE = 1 / 8
const MIN_AHEAD = 4

/** Places for requests; `capacity` as in `AdmissionOptions`. Pure. */
export function permitsFor(capacity: number, maxConcurrentRequests: number, maxLive: number): number {
  const ahead = capacity === 0 ? 0 : Math.max(MIN_AHEAD, Math.ceil(capacity * AHEAD_SHARE))
  const configured = maxConcurrentRequests > 0 ? maxConcurrentRequests : Infinity
  return Math.min(capacity + ahead, configured, maxLive)
}

export class Admission<T> {
  readonly #options: AdmissionOptions<T>
  readonly #queue: AdmissionQueue<T>
  readonly #rate = new CompletionRate()
  #open = 0
  #atWork = 0
  #timer: NodeJS.Timeout | undefined
  #isServing = false
  #outageSinceMs: number | undefined

  constructor(options: AdmissionOptions<T>) {
    this.#options = options
    this.#queue = new AdmissionQueue(options.config)
  }

  get open(): number {
    return this.#open
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Returns why not, or `undefined` when the request is in; then `leave` is owed. */
  enter(isGeneration: boolean): GatewayError | undefined {
    const { maxOpen, isUnderMemoryPressure } = this.#options
    if (this.#open >= maxOpen) {
      return new GatewayError('overloaded', `more than ${maxOpen} requests are open`, {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    if (isGeneration && isUnderMemoryPressure()) {
      return new GatewayError('memory-pressure', 'the gateway is short of memory', {
        retryAfterMs: this.#retryAfterMs(),
      })
    }
    this.#open++
    return undefined
  }

  leave(): void {
    this.#open--
  }

  /** Whether the request has a place at once; then `done` is owed. Nobody overtakes those who wait. */
  tryStart(): boolean {
    if (this.#queue.length > 0 || this.#atWork >= this.#permits()) return false
    this.#atWork++
    return true
  }

  /** Returns why not, or `undefined` when the request waits; then `onTurn` or `onRefused` comes, unless it leaves. */
  wait(ticket: Ticket<T>): GatewayError | undefined {
    if (!this.#queue.add(ticket)) {
      const error = `${this.#queue.length} requests of ${this.#queue.bytes} bytes are waiting, there is no room for more`
      return new GatewayError('queue-full', error, { retryAfterMs: this.#retryAfterMs() })
    }
    this.#timer ??= setInterval(() => this.#serve(), LOOK_MS)
    return undefined
  }

  /** The client of a waiting request is gone. */
  withdraw(ticket: Ticket<T>): void {
    this.#queue.remove(ticket)
  }

  /** A request that had a place has ended. */
  done(): void {
    this.#atWork--
    this.#rate.note(this.#options.nowMs())
    if (this.#queue.length === 0 || this.#isServing) return
    this.#isServing = true
    // Not within the cork of the response that has just ended.
    queueMicrotask(() => {
      this.#isServing = false
      this.#serve()
    })
  }

  /** One that waits; nothing when it does not wait any more. */
  refuseOne(ticket: Ticket<T>, error: GatewayError): void {
    if (this.#queue.remove(ticket)) this.#options.onRefused(ticket.request, error)
  }

  /** Those of the waiting that are meant. */
  refuse(matches: (request: T) => boolean, error: GatewayError): void {
    for (const request of this.#queue.takeAll(matches)) this.#options.onRefused(request, error)
  }

  /** All that wait. */
  refuseAll(error: GatewayError): void {
    this.#refuseOlderThan(Infinity, () => error)
  }

  /** Nothing is told to those who wait: their connections are closed by whoever calls this. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #permits(): number {
    const { capacity, config, maxLive, nowMs } = this.#options
    const now = capacity()
    this.#outageSinceMs = now === 0 ? (this.#outageSinceMs ?? nowMs()) : undefined
    return permitsFor(now, config.maxConcurrentRequests, maxLive)
  }

  #serve(): void {
    const places = this.#permits()
    while (this.#atWork < places) {
      const ticket = this.#queue.take()
      if (ticket === undefined) break
      this.#atWork++
      this.#options.onTurn(ticket.request)
    }
    this.#expire(this.#options.nowMs())
    if (this.#queue.length === 0) this.close()
  }

  #expire(nowMs: number): void {
    const { config, totalMs } = this.#options
    const limitMs = Math.min(config.queueTimeoutSecs * 1000, totalMs)
    this.#refuseOlderThan(nowMs - limitMs, () => this.#timedOut(limitMs === totalMs))
    const outageMs = nowMs - (this.#outageSinceMs ?? nowMs)
    const outageWaitMs = config.outageWaitSecs * 1000
    if (this.#outageSinceMs === undefined || outageMs < outageWaitMs) return
    this.#refuseOlderThan(nowMs - outageWaitMs, noEngine)
  }

  #refuseOlderThan(sinceMs: number, reason: () => GatewayError): void {
    for (;;) {
      const ticket = this.#queue.takeOlderThan(sinceMs)
      if (ticket === undefined) return
      this.#options.onRefused(ticket.request, reason())
    }
  }

  #timedOut(wasTotal: boolean): GatewayError {
    const { queueTimeoutSecs } = this.#options.config
    if (wasTotal) return deadlinePassed()
    return new GatewayError('queue-timeout', `the request had no turn within ${queueTimeoutSecs} s`, {
      retryAfterMs: this.#retryAfterMs(),
    })
  }

  #retryAfterMs(): number {
    return this.#rate.waitMs(this.#queue.length, this.#options.nowMs())
  }
}

export function deadlinePassed(): GatewayError {
  return new GatewayError('deadline-exceeded', 'the total deadline passed while the request waited')
}

function noEngine(): GatewayError {
  const message = 'no healthy engine of a role that each request needs: /readiness says which'
  return new GatewayError('no-engine-available', message, { retryAfterMs: RETRY_AFTER_MS })
}
