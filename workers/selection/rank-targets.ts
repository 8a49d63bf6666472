/**
 * What policies choose from where engines have data-parallel ranks: each rank stands in the list as an engine of its own,
 * so load, caches and turns count by rank.
 *
 * Health, breakers and pairs are those of the engine. In the list, `slot` is the number by which the tables of shared
 * memory count the rank (see layout.ts), and `url` distinguishes ranks for policies that hash it.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { capacityOf } from '../../src/core/engine-capacity.ts'
import { preferring } from '../../src/eligibility/eligible.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import { isWithin } from '../../src/shared/leases.ts'

type Slots = Pick<EngineSlots, 'inFlight' | 'rankInFlight' | 'targetOf'>

/** A rank of an engine. */
interface Target {
  /** As policies see it. */
  readonly shown: Engine
  /** As attempts see it. */
  readonly engine: Engine
  /** Requests that it may run at once, or `Infinity`. */
  readonly capacity: number
}

export class RankTargets {
  readonly #slots: Slots
  readonly #maxPerEngine: number
  #isUsed = false
  /** By slot, in the order of the ranks. */
  #byEngine = new Map<number, readonly Target[]>()
  #byNumber = new Map<number, Target>()
  #byShown = new Map<Engine, Target>()
  /** The list that was last extended: it is the same for most requests. */
  #latest: { readonly engines: readonly Engine[]; readonly shown: readonly Engine[] } | undefined

  constructor(slots: Slots, { admission }: Pick<Config, 'admission'>) {
    this.#slots = slots
    this.#maxPerEngine = admission.maxPerEngine
  }

  /** Whether any engine has ranks. If not, targets are engines. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  /** All numbers of targets are smaller. 0 if no engine has ranks. */
  get size(): number {
    return 1 + Math.max(-1, ...this.#byNumber.keys())
  }

  update(engines: readonly Engine[]): void {
    const ranked = engines.filter(({ ranks }) => ranks !== undefined)
    this.#byEngine = new Map(ranked.map(engine => [engine.slot, this.#targetsOf(engine)]))
    const targets = [...this.#byEngine.values()].flat()
    this.#byNumber = new Map(targets.map(target => [target.shown.slot, target]))
    this.#byShown = new Map(targets.map(target => [target.shown, target]))
    this.#latest = undefined
    this.#isUsed = targets.length > 0
  }

  /**
   * The list for a policy. An engine that does not have the pinned rank stands for itself, because it refuses the request.
   * Empty only if `engines` is.
   */
  of(engines: readonly Engine[], pinnedRank: number | undefined): readonly Engine[] {
    if (!this.#isUsed) return engines
    return pinnedRank === undefined ? this.#free(engines) : this.#pinned(engines, pinnedRank)
  }

  /** The engine for what the policy has chosen from the list, with its rank if it has ranks. */
  engineOf(chosen: Engine): Engine {
    return this.#isUsed ? (this.#byShown.get(chosen)?.engine ?? chosen) : chosen
  }

  /** Requests in flight on a target, over all threads. */
  inFlight(target: number): number {
    const isRank = this.#isUsed && this.#byNumber.has(target)
    return isRank ? this.#slots.rankInFlight(target) : this.#slots.inFlight(target)
  }

  /** The ranks with room, or all of them. An engine with room has a rank with room, unless clients pin ranks. */
  #free(engines: readonly Engine[]): readonly Engine[] {
    return preferring(this.#extended(engines), shown => {
      const target = this.#byShown.get(shown)
      return target === undefined || isWithin(this.#slots.rankInFlight(shown.slot) + 1, target.capacity)
    })
  }

  #extended(engines: readonly Engine[]): readonly Engine[] {
    if (this.#latest?.engines === engines) return this.#latest.shown
    const shown = engines.flatMap(
      engine => this.#byEngine.get(engine.slot)?.map(rank => rank.shown) ?? engine,
    )
    this.#latest = { engines, shown }
    return shown
  }

  #pinned(engines: readonly Engine[], rank: number): readonly Engine[] {
    return engines.map(engine => this.#byEngine.get(engine.slot)?.[rank]?.shown ?? engine)
  }

  #targetsOf(engine: Engine): Target[] {
    const count = engine.ranks?.count ?? 0
    const capacity = Math.ceil(capacityOf(engine, this.#maxPerEngine) / count)
    const kv = engine.kvTokens === undefined ? {} : { kvTokens: engine.kvTokens / count }
    return Array.from({ length: count }, (_, number) => {
      const target = this.#slots.targetOf(engine.slot, number)
      return {
        shown: { ...engine, slot: target, url: `${engine.url}@${number}`, maxRunning: capacity, ...kv },
        engine: { ...engine, rank: { number, target } },
        capacity,
      }
    })
  }
}
