/**
 * Bounds what a router thread has in flight: no engine above its capacity, no more connections than the thread's share
 * of the file descriptors. Attempts that find no room queue here.
 *
 * Both legs get their leases together or not at all: two attempts that each held one engine and waited for the other's
 * would never start. Room that other threads make is found by polling.
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

/** An attempt that waits for room. */
export interface Waiter {
  /** Starts the attempt if there is room. @returns false when there is none, so that it stays in the queue. */
  tryStart(): boolean
}

export interface CapacityQueueOptions {
  readonly slots: EngineSlots
  readonly thread: number
  readonly maxPerEngine: Config['admission']['maxPerEngine']
  /** Connections that the legs of this thread may use, 2 or more; `Infinity` for no limit. */
  readonly maxLegs: number
}

const POLL_INTERVAL_MS = 5

export class CapacityQueue {
  readonly #options: CapacityQueueOptions
  /** First come, first served within a key, so that full engines of one model do not hold up requests for another. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  #legs = 0
  #timer: NodeJS.Timeout | undefined
  #deferredServe: NodeJS.Immediate | undefined

  constructor(options: CapacityQueueOptions) {
    this.#options = options
  }

  /** Whether a leg of `weight` requests (one per prompt of a batch) may go to the engine now. */
  hasRoom(engine: Engine, weight: number): boolean {
    const capacity = this.#capacityOf(engine)
    return (
      capacity === Infinity ||
      isWithin(this.#options.slots.inFlight(engine.slot) + weight, { weight, capacity })
    )
  }

  /** `undefined` when there is no room for both legs. The caller releases the leases. */
  tryTake({ prefill, decode }: Pair, weight: number): PairLeases | undefined {
    if (this.#legs + (prefill === undefined ? 1 : 2) > this.#options.maxLegs) return undefined
    const prefillLease = prefill && this.#acquire(prefill, weight)
    if (prefill !== undefined && prefillLease === undefined) return undefined
    const decodeLease = this.#acquire(decode, weight)
    if (decodeLease !== undefined) return { prefill: prefillLease, decode: decodeLease }
    prefillLease?.release()
    return undefined
  }

  /** Whether attempts with the same key are waiting already. */
  hasWaiting(queueKey: string): boolean {
    return this.#waiting.has(queueKey)
  }

  /** Adds the waiter to the queue of the key, where it is tried in its turn until it starts or leaves. */
  wait(queueKey: string, waiter: Waiter): void {
    const queue = this.#waiting.get(queueKey) ?? new Set()
    queue.add(waiter)
    this.#waiting.set(queueKey, queue)
    this.#timer ??= setInterval(() => this.#serve(), POLL_INTERVAL_MS)
  }

  /** Does nothing when the waiter is not in the queue. */
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

  /** Deferred, because a lease is released in the middle of other work of the attempt. */
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
