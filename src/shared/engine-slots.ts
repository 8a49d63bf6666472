/**
 * The health of every engine and the number of requests in flight on it, shared by all threads.
 *
 * Each router thread counts in a row of its own. When it dies its row is cleared, and with it the requests that it had in
 * flight.
 */
import { type Engine, MAX_RANKS } from '../core/engine.ts'
import { OTHERS, OTHERS_FIELDS, type SharedMemory, SLOT, SLOT_FIELDS, targetOf, targetsOf } from './layout.ts'

/** `unknown`: not probed yet. `draining`: gets no new requests. */
const HEALTH = { unknown: 0, healthy: 1, unhealthy: 2, draining: 3 } as const
export type HealthName = keyof typeof HEALTH

export const HEALTH_NAMES = ['unknown', 'healthy', 'unhealthy', 'draining'] as const satisfies HealthName[]

/** What an engine, or one of its data-parallel ranks, has from other clients and gateways. */
export interface OthersLoad {
  readonly requests: number
  /** Of their prompts, as `EngineCaches.work` counts them. */
  readonly promptBytes: number
}

/** What a cell can hold. */
const MAX_CELL = 2 ** 31 - 1

export class EngineSlots {
  readonly #maxEngines: number
  readonly #maxThreads: number
  readonly #slots: Int32Array
  readonly #inFlight: Int32Array
  readonly #rankInFlight: Int32Array
  readonly #others: Int32Array
  readonly #targets: number

  constructor(memory: SharedMemory) {
    this.#maxEngines = memory.maxEngines
    this.#maxThreads = memory.maxThreads
    this.#slots = new Int32Array(memory.slots)
    this.#inFlight = new Int32Array(memory.inFlight)
    this.#rankInFlight = new Int32Array(memory.rankInFlight)
    this.#others = new Int32Array(memory.others)
    this.#targets = targetsOf(memory.maxEngines)
  }

  /** Gives the slot to another engine, whose health is unknown. For the control thread only. */
  assign(slot: number, generation: number): void {
    Atomics.store(this.#slots, slot * SLOT_FIELDS + SLOT.health, HEALTH.unknown)
    Atomics.store(this.#slots, slot * SLOT_FIELDS + SLOT.generation, generation)
  }

  /** For the control thread only. */
  setHealth(slot: number, health: HealthName): void {
    Atomics.store(this.#slots, slot * SLOT_FIELDS + SLOT.health, HEALTH[health])
  }

  health(slot: number): HealthName {
    return HEALTH_NAMES[Atomics.load(this.#slots, slot * SLOT_FIELDS + SLOT.health)] ?? 'unknown'
  }

  isHealthy(slot: number): boolean {
    return Atomics.load(this.#slots, slot * SLOT_FIELDS + SLOT.health) === HEALTH.healthy
  }

  generation(slot: number): number {
    return Atomics.load(this.#slots, slot * SLOT_FIELDS + SLOT.generation)
  }

  /** Requests in flight on the engine over all threads. */
  inFlight(slot: number): number {
    let sum = 0
    for (let row = 0; row < this.#maxThreads; row++) {
      sum += Atomics.load(this.#inFlight, row * this.#maxEngines + slot)
    }
    return sum
  }

  /** Adds `change`, which may be negative, to the requests that `thread` has in flight. Only `leases.ts` calls it. */
  addInFlight(thread: number, slot: number, change: number): void {
    Atomics.add(this.#inFlight, thread * this.#maxEngines + slot, change)
  }

  /** The number by which the rank of the engine in the slot is counted. */
  targetOf(slot: number, rank: number): number {
    return targetOf(slot, rank, this.#maxEngines)
  }

  /** The numbers by which the ranks of the engine are counted, or the one of an engine without ranks. */
  targetsOf({ slot, ranks }: Pick<Engine, 'slot' | 'ranks'>): readonly number[] {
    return Array.from({ length: ranks?.count ?? 1 }, (_, rank) => this.targetOf(slot, rank))
  }

  /** Requests in flight on a data-parallel rank over all threads: those for which the rank was chosen or pinned. */
  rankInFlight(target: number): number {
    let sum = 0
    for (let row = 0; row < this.#maxThreads; row++)
      sum += Atomics.load(this.#rankInFlight, row * this.#targets + target)
    return sum
  }

  /** As `addInFlight`, by rank. Only `leases.ts` calls it. */
  addRankInFlight(thread: number, target: number, change: number): void {
    Atomics.add(this.#rankInFlight, thread * this.#targets + target, change)
  }

  othersRequests(target: number): number {
    return this.#others[target * OTHERS_FIELDS + OTHERS.requests] ?? 0
  }

  othersPromptBytes(target: number): number {
    return this.#others[target * OTHERS_FIELDS + OTHERS.promptBytes] ?? 0
  }

  /** For the control thread only. */
  noteOthers(target: number, { requests, promptBytes }: OthersLoad): void {
    this.#others[target * OTHERS_FIELDS + OTHERS.requests] = Math.min(MAX_CELL, requests)
    this.#others[target * OTHERS_FIELDS + OTHERS.promptBytes] = Math.min(MAX_CELL, promptBytes)
  }

  /** Forgets what the engine in the slot has from others, on all ranks. For the control thread only. */
  forgetOthers(slot: number): void {
    for (let rank = 0; rank < MAX_RANKS; rank++)
      this.noteOthers(this.targetOf(slot, rank), { requests: 0, promptBytes: 0 })
  }

  /** For the control thread only. */
  clearOthers(): void {
    this.#others.fill(0)
  }

  /** Lets the thread alone claim the next room on the engine. @returns false when a reservation exists. Only for `leases.ts`. */
  reserve(thread: number, slot: number): boolean {
    return Atomics.compareExchange(this.#slots, slot * SLOT_FIELDS + SLOT.reserved, 0, thread + 1) === 0
  }

  /** Ends the reservation of the thread, if it has one. Only for `leases.ts`. */
  unreserve(thread: number, slot: number): void {
    Atomics.compareExchange(this.#slots, slot * SLOT_FIELDS + SLOT.reserved, thread + 1, 0)
  }

  /** Removes all requests and reservations of a thread that has died. */
  clearThread(thread: number): void {
    this.#inFlight.fill(0, thread * this.#maxEngines, (thread + 1) * this.#maxEngines)
    this.#rankInFlight.fill(0, thread * this.#targets, (thread + 1) * this.#targets)
    for (let slot = 0; slot < this.#maxEngines; slot++) this.unreserve(thread, slot)
  }
}
