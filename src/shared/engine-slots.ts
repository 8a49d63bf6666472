/**
 * Health of every engine and what is in flight on it, as seen by all threads.
 *
 * Each thread counts in a row of its own, so that a thread that dies takes its count with it: whoever replaces it
 * clears the row.
 */
import { type SharedMemory, SLOT, SLOT_FIELDS } from './layout.ts'

/** `unknown`: not probed yet. `draining`: takes nothing new. */
const HEALTH = { unknown: 0, healthy: 1, unhealthy: 2, draining: 3 } as const
export type HealthName = keyof typeof HEALTH

export const HEALTH_NAMES = ['unknown', 'healthy', 'unhealthy', 'draining'] as const satisfies HealthName[]

export class EngineSlots {
  readonly #maxEngines: number
  readonly #maxThreads: number
  readonly #slots: Int32Array
  readonly #inFlight: Int32Array

  constructor(memory: SharedMemory) {
    this.#maxEngines = memory.maxEngines
    this.#maxThreads = memory.maxThreads
    this.#slots = new Int32Array(memory.slots)
    this.#inFlight = new Int32Array(memory.inFlight)
  }

  /** Control thread only: the slot now belongs to another engine, of unknown health. */
  assign(slot: number, generation: number): void {
    Atomics.store(this.#slots, slot * SLOT_FIELDS + SLOT.health, HEALTH.unknown)
    Atomics.store(this.#slots, slot * SLOT_FIELDS + SLOT.generation, generation)
  }

  /** Control thread only. */
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

  /** Legs sent to the engine and not ended, over all threads. */
  inFlight(slot: number): number {
    let sum = 0
    for (let row = 0; row < this.#maxThreads; row++) {
      sum += Atomics.load(this.#inFlight, row * this.#maxEngines + slot)
    }
    return sum
  }

  /** `thread` counts one leg more (1) or one less (-1) on the engine. Only `leases.ts` calls it. */
  addInFlight(thread: number, slot: number, change: 1 | -1): void {
    Atomics.add(this.#inFlight, thread * this.#maxEngines + slot, change)
  }

  /** The thread is gone, and with it all its legs. */
  clearThread(thread: number): void {
    this.#inFlight.fill(0, thread * this.#maxEngines, (thread + 1) * this.#maxEngines)
  }
}
