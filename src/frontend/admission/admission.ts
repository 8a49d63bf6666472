/**
 * Decides which requests start, wait in the queue or are refused. Every request counts while it is open; a generation
 * request also needs a permit, which it holds until its last byte is out.
 *
 * The number of permits is limited by the engines, the file descriptors and the operator. It is 0 while no engine is
 * healthy: requests wait out a short outage, or the start of the first engine, and are refused after `outageWaitSecs`.
 */
import type { Config } from '../../config/config.ts'
import type { NowMs } from '../../core/clock.ts'
import { GatewayError } from '../../core/errors.ts'
import { Poll } from '../../core/poll.ts'
import { CompletionRate } from './completion-rate.ts'
import { NONE_PARKED, type Parked } from './fleet-capacity.ts'
import { AdmissionQueue, type Ticket } from './queue.ts'

export interface AdmissionOptions<T> {
  /** Limit on open requests of all kinds. */
  readonly maxOpen: number
  readonly config: Config['admission']
  /** Total timeout of a request. */
  readonly totalMs: number
  /** Requests that the engines run at once: 0 when none is healthy, `Infinity` when they report no limit. */
  readonly capacity: () => number
  /** Why no request can be served while the capacity is 0, such as `no healthy decode engine`. */
  readonly outage: () => string | undefined
  /** `AdmissionLimits.parked`. */
  readonly parked?: (() => Parked) | undefined
  /** Running requests that the file descriptors suffice for; `Infinity` for no limit. */
  readonly maxLive: number
  readonly isUnderMemoryPressure: () => boolean
  readonly nowMs: NowMs
  /** A queued request has got its permit: the callee must call `done` when it ends. */
  readonly onTurn: (request: T) => void
  /** A queued request is refused. */
  readonly onRefused: (request: T, error: GatewayError) => void
}

const POLL_INTERVAL_MS = 50
const RETRY_AFTER_MS = 1000
/** Permits beyond the engines' capacity: their requests wait in the router threads, so that a free slot is taken at once. */
const AHEAD_SHARE = 1 / 8
const MIN_AHEAD = 4

/** The number of permits; `capacity`, `maxLive` and `parked` are those of `AdmissionOptions`. Pure. */
export function permitsFor(
  capacity: number,
  maxConcurrentRequests: number,
  maxLive: number,
  { idle, sampled }: Parked = NONE_PARKED,
): number {
  const ahead = capacity === 0 ? 0 : Math.max(MIN_AHEAD, Math.ceil(capacity * AHEAD_SHARE), idle + sampled)
  const configured = maxConcurrentRequests > 0 ? maxConcurrentRequests + idle : Infinity
  return Math.min(capacity + ahead, configured, maxLive)
}

export class Admission<T> {
  readonly #options: AdmissionOptions<T>
  readonly #queue: AdmissionQueue<T>
  readonly #rate = new CompletionRate()
  readonly #poll = new Poll(POLL_INTERVAL_MS, () => this.#serve())
  #open = 0
  /** Permits in use. */
  #running = 0
  /** Whether a run of `#serve` is scheduled. */
  #isScheduled = false
  #outageSinceMs: number | undefined

  constructor(options: AdmissionOptions<T>) {
    this.#options = options
    this.#queue = new AdmissionQueue(options.config)
  }

  /** Requests between `enter` and `leave`. */
  get open(): number {
    return this.#open
  }

  /** Requests in the queue. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Counts a request, or returns why it is refused. The caller must call `leave` when an accepted request ends. */
  enter(isGeneration: boolean): GatewayError | undefined {
    const { maxOpen, isUnderMemoryPressure } = this.#options
    if (this.#open >= maxOpen) {
      return new GatewayError('overloaded', `The limit of ${maxOpen} open requests is reached`, {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    if (isGeneration && isUnderMemoryPressure()) {
      return new GatewayError('memory-pressure', 'The gateway is short of memory', {
        retryAfterMs: this.#retryAfterMs(),
      })
    }
    this.#open++
    return undefined
  }

  leave(): void {
    this.#open--
  }

  /**
   * Takes a permit if one is free and no other request waits for it. When this returns `true`, the caller must call
   * `done` when the request ends.
   */
  tryStart(): boolean {
    if (this.#queue.length > 0 || this.#running >= this.#permits()) return false
    this.#running++
    return true
  }

  /**
   * Queues a request, or returns why it is refused. A queued request ends in `onTurn` or `onRefused`, unless it is
   * withdrawn.
   */
  wait(ticket: Ticket<T>): GatewayError | undefined {
    if (!this.#queue.add(ticket)) {
      const message = `The admission queue is full: ${this.#queue.length} requests with ${this.#queue.bytes} bytes are waiting`
      return new GatewayError('queue-full', message, { retryAfterMs: this.#retryAfterMs() })
    }
    this.#poll.start()
    return undefined
  }

  /**
   * Removes a request that needs no turn, because its client is gone or has aborted it. Returns `false` when it has left
   * the queue already.
   */
  withdraw(ticket: Ticket<T>): boolean {
    return this.#queue.remove(ticket)
  }

  /**
   * Returns the permit of a request that has ended. `isGood`: with a whole response. Others end at any time, so that they
   * say nothing about when the next permit is free.
   */
  done(isGood: boolean): void {
    this.#running--
    if (isGood) this.#rate.note(this.#options.nowMs())
    if (this.#queue.length === 0 || this.#isScheduled) return
    this.#isScheduled = true
    // Deferred, so that it runs outside the cork of the response that has just ended.
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#serve()
    })
  }

  /** Refuses one queued request. Has no effect when it has left the queue. */
  refuseOne(ticket: Ticket<T>, error: GatewayError): void {
    if (this.#queue.remove(ticket)) this.#options.onRefused(ticket.request, error)
  }

  /** The requests in the queue, the oldest of each class first. */
  queued(): readonly Ticket<T>[] {
    return this.#queue.all()
  }

  /** Refuses all queued requests. */
  refuseAll(error: GatewayError): void {
    this.#refuseOlderThan(Infinity, () => error)
  }

  /** Stops serving the queue. Queued requests get no callback; the caller closes their connections. */
  close(): void {
    this.#poll.stop()
  }

  #permits(): number {
    const { capacity, config, maxLive, nowMs, parked } = this.#options
    const current = capacity()
    this.#outageSinceMs = current === 0 ? (this.#outageSinceMs ?? nowMs()) : undefined
    return permitsFor(current, config.maxConcurrentRequests, maxLive, parked?.())
  }

  #serve(): void {
    const permits = this.#permits()
    while (this.#running < permits) {
      const ticket = this.#queue.take()
      if (ticket === undefined) break
      this.#running++
      this.#options.onTurn(ticket.request)
    }
    this.#expire(this.#options.nowMs())
    if (this.#queue.length === 0) this.#poll.stop()
  }

  #expire(nowMs: number): void {
    const { config, totalMs } = this.#options
    const limitMs = Math.min(config.queueTimeoutSecs * 1000, totalMs)
    this.#refuseOlderThan(nowMs - limitMs, () => this.#timedOut(limitMs === totalMs))
    const outageMs = nowMs - (this.#outageSinceMs ?? nowMs)
    const outageWaitMs = config.outageWaitSecs * 1000
    if (this.#outageSinceMs === undefined || outageMs < outageWaitMs) return
    this.#refuseOlderThan(nowMs - outageWaitMs, () => noEngine(this.#options.outage()))
  }

  #refuseOlderThan(sinceMs: number, reason: () => GatewayError): void {
    for (;;) {
      const ticket = this.#queue.takeOlderThan(sinceMs)
      if (ticket === undefined) return
      this.#options.onRefused(ticket.request, reason())
    }
  }

  #timedOut(isTotal: boolean): GatewayError {
    const { queueTimeoutSecs } = this.#options.config
    if (isTotal) return deadlineExceeded()
    return new GatewayError('queue-timeout', `Timed out after ${queueTimeoutSecs} s in the admission queue`, {
      retryAfterMs: this.#retryAfterMs(),
    })
  }

  #retryAfterMs(): number {
    return this.#rate.waitMs(this.#queue.length, this.#options.nowMs())
  }
}

export function deadlineExceeded(): GatewayError {
  return new GatewayError('deadline-exceeded', 'The total timeout expired in the admission queue')
}

function noEngine(outage = 'no healthy engine'): GatewayError {
  const message = `The gateway cannot serve requests now: ${outage}`
  return new GatewayError('no-engine-available', message, { retryAfterMs: RETRY_AFTER_MS })
}
