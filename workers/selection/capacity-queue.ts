/**
 * What a router thread may have at work at once: no engine above its capacity, no more connections than the thread's
 * share of the descriptors. Attempts that find no room wait here in order.
 *
 * Both legs get their places together or not at all: an attempt that held one engine's place while it waits for the
 * other's could wait for one that waits for it. Room that another thread makes is found by looking again every few ms.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { capacityOf } from '../../src/core/engine-capacity.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import { isWithin, Lease, type LeaseTerms } from '../../src/shared/leases.ts'
import type { Pair } from './pair-selector.ts'

export interface PairLeases {
  /** `undefined` when one engine does both. */
  readonly prefill: Lease | undefined
  readonly decode: Lease
}

/** An attempt to be. */
export interface Waiter {
  /** Goes on if there is room now; `false`: there is none, it waits on. */
  tryStart(): boolean
}

export interface CapacityQueueOptions {
  readonly slots: EngineSlots
  readonly thread: number
  readonly maxPerEngine: Config['admission']['maxPerEngine']
  /** Connections for the legs of this thread, 2 or more; `Infinity` for no bound. */
  readonly maxLegs: number
}

const POLL_INTERVAL_MS = 5

export class CapacityQueue {
  readonly #options: CapacityQueueOptions
  /** First come, first served, for each model by itself: full engines of one must not hold up another's. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  #legs = 0
  #timer: NodeJS.Timeout | undefined
  #deferredServe: NodeJS.Immediate | undefined

  constructor(options: CapacityQueueOptions) {
    this.#options = options
  }

  /** Whether a request that counts `weight` may go to the engine now. */
  hasRoom(engine: Engine, weight: number): boolean {
    const capacity = this.#capacityOf(engine)
    return (
      capacity === Infinity ||
      isWithin(this.#options.slots.inFlight(engine.slot) + weight, { weight, capacity })
    )
  }

  /** `undefined` when there is no room for both legs. The leases are the caller's to give back. */
  tryTake({ prefill, decode }: Pair, weight: number): PairLeases | undefined {
    if (this.#legs + (prefill === undefined ? 1 : 2) > this.#options.maxLegs) return undefined
    const prefillLease = prefill && this.#acquire(prefill, weight)
    if (prefill !== undefined && prefillLease === undefined) return undefined
    const decodeLease = this.#acquire(decode, weight)
    if (decodeLease !== undefined) return { prefill: prefillLease, decode: decodeLease }
    prefillLease?.release()
    return undefined
  }

  /** Whether others of the same model came first. */
  hasWaiting(queueKey: string): boolean {
    return this.#waiting.has(queueKey)
  }

  /** The waiter is tried again, in its turn, until it goes on or leaves. */
  wait(queueKey: string, waiter: Waiter): void {
    const queue = this.#waiting.get(queueKey) ?? new Set()
    queue.add(waiter)
    this.#waiting.set(queueKey, queue)
    this.#timer ??= setInterval(() => this.#serve(), POLL_INTERVAL_MS)
  }

  /** Does nothing when it does not wait. */
  leave(queueKey: string, waiter: Waiter): void {
    const queue = this.#waiting.get(queueKey)
    queue?.delete(waiter)
    if (queue?.size === 0) this.#removeQueue(queueKey)
  }

  #acquire(engine: Engine, weight: number): Lease | undefined {
    const { slots, thread } = this.#options
    const terms: LeaseTerms = { weight, capacity: this.#capacityOf(engine), onRelease: this.#onRelease }
    const lease = Lease.tryAcquire(slots, thread, engine, terms)
    if (lease !== undefined) this.#legs++
    return lease
  }

  #capacityOf(engine: Engine): number {
    return capacityOf(engine, this.#options.maxPerEngine)
  }

  /** Deferred: who gives a lease back is in the middle of something. */
  readonly #onRelease = (): void => {
    this.#legs--
    if (this.#waiting.size > 0) this.#deferredServe ??= setImmediate(() => this.#serve())
  }

  #serve(): void {
    clearImmediate(this.#deferredServe)
    this.#deferredServe = undefined
    for (const [queueKey, queue] of this.#waiting) {
      for (const waiter of queue) {
        if (!waiter.tryStart()) break
        queue.delete(waiter)
      }
      if (queue.size === 0) this.#removeQueue(queueKey)
    }
  }

  #removeQueue(queueKey: string): void {
    this.#waiting.delete(queueKey)
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
