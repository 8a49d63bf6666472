/** How much the gateway may have in flight at once, as admission reads it. */
import type { Config } from '../../config/config.ts'
import { neededRoles } from '../../config/engines.ts'
import type { NowMs } from '../../core/clock.ts'
import type { EngineSnapshot } from '../../core/engine.ts'
import { fleetCapacity } from '../../core/engine-capacity.ts'
import type { EngineSlots } from '../../shared/engine-slots.ts'

export interface AdmissionLimits {
  readonly capacity: () => number
  readonly maxLive: number
  /** Connections of clients that there are descriptors for. */
  readonly maxClients: number
}

/** A capacity that is a little old does no harm: router threads keep each engine's own. */
const FRESH_MS = 20

/** The capacity of the healthy engines, computed anew only every few milliseconds. */
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

  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#untilMs = -Infinity
  }

  /** As in `fleetCapacity`. */
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
