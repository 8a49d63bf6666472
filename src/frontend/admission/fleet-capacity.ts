/** Capacity of the fleet, as admission reads it. */
import type { Config } from '../../config/config.ts'
import { neededRoles } from '../../config/engines.ts'
import type { NowMs } from '../../core/clock.ts'
import type { EngineSnapshot } from '../../core/engine.ts'
import { fleetCapacity } from '../../core/engine-capacity.ts'
import type { EngineSlots } from '../../shared/engine-slots.ts'

export interface AdmissionLimits {
  /** Requests that the engines run at once: 0 when none is healthy, `Infinity` when they report no limit. */
  readonly capacity: () => number
  /** Running requests that the file descriptors suffice for; `Infinity` for no limit. */
  readonly maxLive: number
  /** Client connections that the file descriptors suffice for; `Infinity` for no limit. */
  readonly maxClients: number
}

/** A slightly stale sum does no harm: router threads enforce the capacity of each engine. */
const FRESH_MS = 20

/** Sums the capacity of the healthy engines, at most once per `FRESH_MS`. */
export class FleetCapacity {
  readonly #config: Config
  readonly #slots: EngineSlots
  readonly #nowMs: NowMs
  #snapshot: EngineSnapshot
  #capacity = 0
  #untilMs = -Infinity

  constructor(config: Config, slots: EngineSlots, snapshot: EngineSnapshot, nowMs: NowMs) {
    this.#config = config
    this.#slots = slots
    this.#snapshot = snapshot
    this.#nowMs = nowMs
  }

  /** Takes effect at the next read. */
  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#untilMs = -Infinity
  }

  /** `AdmissionLimits.capacity`. */
  readonly capacity = (): number => {
    const nowMs = this.#nowMs()
    if (nowMs < this.#untilMs) return this.#capacity
    this.#untilMs = nowMs + FRESH_MS
    const { maxPerEngine } = this.#config.admission
    const isHealthy = (slot: number): boolean => this.#slots.isHealthy(slot)
    this.#capacity = fleetCapacity(this.#snapshot.engines, neededRoles(this.#config), maxPerEngine, isHealthy)
    return this.#capacity
  }
}
