/**
 * Bounds what a router thread has in flight: no engine above its capacity, no more connections than the thread's share
 * of the file descriptors. Attempts that find no room wait here; `waiting-lines.ts` has their order.
 *
 * Both legs get their leases together or not at all: two attempts that each held one engine and waited for the other's
 * would never start. Room that other threads make is found by polling.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { capacityOf } from '../../src/core/engine-capacity.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import { isWithin, Lease } from '../../src/shared/leases.ts'
import type { WaitingCounts } from '../../src/shared/waiting-counts.ts'
import type { Pair } from './pair-selector.ts'
import { type LineKey, type Waiter, WaitingLines } from './waiting-lines.ts'

export interface PairLeases {
  /** `undefined` when one engine does both. */
  readonly prefill: Lease | undefined
  readonly decode: Lease
}

/** Room on a pair that is still full: its engines get nothing else until the reservation is used or released. */
export interface PairReservation {
  readonly pair: Pair
  readonly leases: PairLeases
}

export interface CapacityQueueOptions {
  readonly slots: EngineSlots
  readonly waitingCounts: Pick<WaitingCounts, 'set'>
  readonly thread: number
  readonly admission: Pick<Config['admission'], 'maxPerEngine' | 'maxOvertakes'>
  /** Connections that the legs of this thread may use, 2 or more; `Infinity` for no limit. */
  readonly maxLegs: number
}

const POLL_INTERVAL_MS = 5

export class CapacityQueue {
  readonly #options: CapacityQueueOptions
  readonly #lines: WaitingLines
  #legs = 0
  #timer: NodeJS.Timeout | undefined
  #deferredServe: NodeJS.Immediate | undefined

  constructor(options: CapacityQueueOptions) {
    this.#options = options
    // Of a predecessor that has died.
    options.waitingCounts.set(options.thread, { whole: 0, sampled: 0 })
    this.#lines = new WaitingLines(options.admission.maxOvertakes)
  }

  /** Whether a leg may go to the engine now. */
  hasRoom(engine: Engine): boolean {
    const capacity = this.#capacityOf(engine)
    return capacity === Infinity || isWithin(this.#options.slots.inFlight(engine.slot) + 1, capacity)
  }

  /** `undefined` when there is no room for both legs. The caller releases the leases. */
  tryTake(pair: Pair): PairLeases | undefined {
    return this.#take(pair, 'tryAcquire')
  }

  /** `undefined` when an engine is reserved already. The caller releases the leases. */
  tryReserve(pair: Pair): PairReservation | undefined {
    const leases = this.#take(pair, 'tryReserve')
    return leases && { pair, leases }
  }

  /** Whether attempts for the same engines are waiting. */
  hasWaiting(lineKey: LineKey): boolean {
    return this.#lines.has(lineKey)
  }

  /** An attempt for the model has started without waiting, so it has overtaken those that do. */
  noteStart(model: string): void {
    this.#lines.noteStart(model)
  }

  /** Queues the waiter, which is tried in its turn until it starts or leaves. */
  wait(lineKey: LineKey, waiter: Waiter): void {
    this.#lines.add(lineKey, waiter)
    this.#onChange()
  }

  /** Does nothing when the waiter is not in the queue. */
  leave(lineKey: LineKey, waiter: Waiter): void {
    this.#lines.remove(lineKey, waiter)
    this.#onChange()
  }

  #capacityOf(engine: Engine): number {
    return capacityOf(engine, this.#options.admission.maxPerEngine)
  }

  #take({ prefill, decode }: Pair, how: 'tryAcquire' | 'tryReserve'): PairLeases | undefined {
    if (this.#legs + (prefill === undefined ? 1 : 2) > this.#options.maxLegs) return undefined
    const leaseOf = (engine: Engine): Lease | undefined => {
      const terms = { capacity: this.#capacityOf(engine), onRelease: this.#onRelease }
      const lease = Lease[how](this.#options.slots, this.#options.thread, engine, terms)
      if (lease !== undefined) this.#legs++
      return lease
    }
    const prefillLease = prefill && leaseOf(prefill)
    if (prefill !== undefined && prefillLease === undefined) return undefined
    const decodeLease = leaseOf(decode)
    if (decodeLease !== undefined) return { prefill: prefillLease, decode: decodeLease }
    prefillLease?.release()
    return undefined
  }

  /** Deferred, because a lease is released in the middle of other work of the attempt. */
  readonly #onRelease = (): void => {
    this.#legs--
    if (!this.#lines.isEmpty) this.#deferredServe ??= setImmediate(() => this.#serve())
  }

  #serve(): void {
    clearImmediate(this.#deferredServe)
    this.#deferredServe = undefined
    this.#lines.serve()
    this.#onChange()
  }

  #onChange(): void {
    this.#options.waitingCounts.set(this.#options.thread, this.#lines.waiting)
    if (!this.#lines.isEmpty) this.#timer ??= setInterval(() => this.#serve(), POLL_INTERVAL_MS)
    else {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}

/** Whether the engines of the reservation have become free enough for it. */
export function isCovered({ leases }: PairReservation): boolean {
  return leases.decode.isCovered && leases.prefill?.isCovered !== false
}

export function releaseLeases({ prefill, decode }: PairLeases): void {
  prefill?.release()
  decode.release()
}
