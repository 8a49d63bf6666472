/** Capacity of the fleet, as admission reads it. */
import type { Config } from '../../config/config.ts'
import { neededRoles } from '../../config/engines.ts'
import type { NowMs } from '../../core/clock.ts'
import type { EngineSnapshot, Role } from '../../core/engine.ts'
import { fleetCapacity, fleetRoom } from '../../core/engine-capacity.ts'
import type { EngineSlots } from '../../shared/engine-slots.ts'
import type { Waiting } from '../../shared/waiting-counts.ts'

/** Started requests that wait for room on engines and need not hold up others; together at most `admission.maxParked`. */
export interface Parked {
  /** They run nothing although engines have room, because they need engines of another model, or avoid some. */
  readonly idle: number
  /** They have several prompts or samples, which take turns with all other requests. */
  readonly sampled: number
}

export interface AdmissionLimits {
  /** Requests that the engines run at once: 0 when none is healthy, `Infinity` when they report no limit. */
  readonly capacity: () => number
  /** None by default. */
  readonly parked?: () => Parked
  /** Running requests that the file descriptors suffice for; `Infinity` for no limit. */
  readonly maxLive: number
  /** Client connections that the file descriptors suffice for; `Infinity` for no limit. */
  readonly maxClients: number
}

export const NONE_PARKED: Parked = { idle: 0, sampled: 0 }

/** Slightly stale sums do no harm: router threads enforce the capacity of each engine. */
const FRESH_MS = 20

/** Sums the capacity of the healthy engines, at most once per `FRESH_MS`. */
export class FleetCapacity {
  readonly #config: Config
  readonly #slots: EngineSlots
  readonly #waiting: () => Waiting
  readonly #nowMs: NowMs
  #snapshot: EngineSnapshot
  #capacity = 0
  #parked = NONE_PARKED
  #untilMs = -Infinity

  /** `waiting`: started requests that wait in the router threads. */
  constructor(
    config: Config,
    slots: EngineSlots,
    { snapshot, waiting, nowMs }: { snapshot: EngineSnapshot; waiting: () => Waiting; nowMs: NowMs },
  ) {
    this.#config = config
    this.#waiting = waiting
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
    this.#refresh()
    return this.#capacity
  }

  /** `AdmissionLimits.parked`. */
  readonly parked = (): Parked => {
    this.#refresh()
    return this.#parked
  }

  #refresh(): void {
    const nowMs = this.#nowMs()
    if (nowMs < this.#untilMs) return
    this.#untilMs = nowMs + FRESH_MS
    const { maxPerEngine } = this.#config.admission
    const roles = neededRoles(this.#config)
    const isUsable = (slot: number): boolean => this.#slots.isHealthy(slot)
    this.#capacity = fleetCapacity(this.#snapshot.engines, roles, maxPerEngine, isUsable)
    this.#parked = this.#parkedNow(roles, isUsable)
  }

  #parkedNow(roles: readonly Role[], isUsable: (slot: number) => boolean): Parked {
    const { whole, sampled } = this.#waiting()
    if (whole === 0 && sampled === 0) return NONE_PARKED
    const { maxPerEngine, maxParked } = this.#config.admission
    const inFlight = (slot: number): number => this.#slots.inFlight(slot)
    const room = fleetRoom(this.#snapshot.engines, roles, maxPerEngine, { isUsable, inFlight })
    const idle = room > 0 ? Math.min(whole, maxParked) : 0
    return { idle, sampled: Math.min(sampled, maxParked - idle) }
  }
}
