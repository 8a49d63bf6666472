/**
 * The registered engines and their slots in shared memory. Pure state without timers or I/O.
 *
 * A slot is assigned to another engine only when nothing is in flight on it. Its generation is then incremented, so that
 * breakers can ignore late outcomes of the previous engine.
 */
import { isDeepStrictEqual } from 'node:util'
import { DEFAULT_BOOTSTRAP_PORT, type Engine, type EngineSnapshot, NO_ENGINES } from '../core/engine.ts'
import type { EngineSpec } from './discovery/static.ts'
import type { KnownEngine } from './monitor/engine-info.ts'

/** The part of `EngineSlots` that the registry needs. */
export interface SlotTable {
  assign(slot: number, generation: number): void
  generation(slot: number): number
  inFlight(slot: number): number
}

export class Registry {
  readonly #slots: SlotTable
  readonly #maxEngines: number
  readonly #engines = new Map<string, Engine>()
  #generation: number

  /** The engines of `known`, the last published snapshot, keep their slots. */
  constructor(slots: SlotTable, maxEngines: number, known: EngineSnapshot = NO_ENGINES) {
    this.#slots = slots
    this.#maxEngines = maxEngines
    this.#generation = known.generation
    for (const engine of known.engines) this.#engines.set(keyOf(engine), engine)
  }

  find(spec: Pick<EngineSpec, 'url' | 'role'>): Engine | undefined {
    return this.#engines.get(keyOf(spec))
  }

  /** Adds the engine, or updates its properties. A known engine keeps its slot. */
  put(spec: EngineSpec, info: KnownEngine): Engine {
    const engine = engineOf(spec, info, this.#engines.get(keyOf(spec)) ?? this.#takeSlot())
    this.#engines.set(keyOf(spec), engine)
    this.#generation++
    return engine
  }

  /** Whether the engine is registered with exactly these properties. */
  isCurrent(spec: EngineSpec, info: KnownEngine): boolean {
    const engine = this.find(spec)
    return engine !== undefined && isDeepStrictEqual(engine, engineOf(spec, info, engine))
  }

  /** Returns `false` if there is no such engine. Its slot is free once nothing is in flight on it. */
  remove(spec: Pick<EngineSpec, 'url' | 'role'>): boolean {
    const isRemoved = this.#engines.delete(keyOf(spec))
    if (isRemoved) this.#generation++
    return isRemoved
  }

  snapshot(): EngineSnapshot {
    return { generation: this.#generation, engines: [...this.#engines.values()] }
  }

  /** @throws RangeError if `limits.engines` is reached */
  #takeSlot(): SlotAssignment {
    const taken = new Set([...this.#engines.values()].map(engine => engine.slot))
    for (let slot = 0; slot < this.#maxEngines; slot++) {
      if (taken.has(slot) || this.#slots.inFlight(slot) > 0) continue
      const generation = this.#slots.generation(slot) + 1
      this.#slots.assign(slot, generation)
      return { slot, generation }
    }
    throw new RangeError(
      `Cannot register another engine: all ${this.#maxEngines} slots are in use (limits.engines)`,
    )
  }
}

/** The slot of an engine in shared memory. */
type SlotAssignment = Pick<Engine, 'slot' | 'generation'>

function engineOf(spec: EngineSpec, info: KnownEngine, { slot, generation }: SlotAssignment): Engine {
  const { bootstrapPort = DEFAULT_BOOTSTRAP_PORT, mode: _, isGateway: __, ...reported } = info
  return {
    ...reported,
    slot,
    generation,
    url: spec.url,
    role: spec.role,
    bootstrapHost: new URL(spec.url).hostname,
    bootstrapPort: spec.bootstrapPort ?? bootstrapPort,
    apiKey: spec.apiKey,
    ...(spec.kvEvents !== undefined && { kvEvents: spec.kvEvents, kvEventsReplay: spec.kvEventsReplay }),
  }
}

/** Identifies an engine. One URL may have several roles. */
export function keyOf({ role, url }: Pick<EngineSpec, 'url' | 'role'>): string {
  return `${role} ${url}`
}
