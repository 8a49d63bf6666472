/**
 * Chooses among engines of which some have data-parallel ranks: each rank stands in the policy's list as an engine of its
 * own, so load, caches and turns count by rank.
 *
 * Health, breakers and pairs are those of the engine. In the list, `slot` is the number by which the tables of shared
 * memory count the rank (see layout.ts), and `url` distinguishes ranks for policies that hash it.
 */
import type { Config } from '../../src/config/config.ts'
import type { Engine, Role } from '../../src/core/engine.ts'
import { capacityOf } from '../../src/core/engine-capacity.ts'
import { preferring } from '../../src/policy/eligible.ts'
import type { Policy, PolicyView, PromptView } from '../../src/policy/policy.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import { isWithin } from '../../src/shared/leases.ts'
import { type PolicyInputs, policyViews } from './policy-views.ts'

export interface RankTargetsOptions extends PolicyInputs {
  readonly slots: Pick<EngineSlots, 'inFlight' | 'rankInFlight' | 'targetOf'>
}

/** What a choice among ranks depends on besides their load. */
export interface RankNeeds {
  readonly prompt?: PromptView | undefined
  /** The rank that the client names; -1 if what it names is no rank, which the engine refuses. */
  readonly pinnedRank?: number | undefined
}

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
  readonly #options: RankTargetsOptions
  readonly #maxPerEngine: number
  readonly #views: Record<Role, PolicyView>
  /** By slot, in the order of the ranks. */
  #byEngine = new Map<number, readonly Target[]>()
  #byNumber = new Map<number, Target>()
  #byShown = new Map<Engine, Target>()
  /** The list that was last extended: it is the same for most requests. */
  #latest: { readonly engines: readonly Engine[]; readonly shown: readonly Engine[] } | undefined

  constructor(options: RankTargetsOptions, { admission }: Pick<Config, 'admission'>) {
    const inFlight = (target: number): number => this.#inFlight(target)
    this.#options = options
    this.#maxPerEngine = admission.maxPerEngine
    this.#views = policyViews({ ...options, slots: { inFlight } })
  }

  /** Whether any engine has ranks. If not, this is not needed. */
  get isUsed(): boolean {
    return this.#byEngine.size > 0
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
  }

  /** `engines` is not empty. Returns one of them, with the rank that was chosen or pinned, if it has ranks. */
  choose(policy: Policy, role: Role, engines: readonly Engine[], { prompt, pinnedRank }: RankNeeds): Engine {
    const candidates = pinnedRank === undefined ? this.#free(engines) : this.#pinned(engines, pinnedRank)
    const chosen = policy(candidates, this.#views[role], prompt)
    return this.#byShown.get(chosen)?.engine ?? chosen
  }

  /** The ranks with room, or all of them. An engine with room has a rank with room, unless clients pin ranks. */
  #free(engines: readonly Engine[]): readonly Engine[] {
    const { slots } = this.#options
    return preferring(this.#extended(engines), shown => {
      const target = this.#byShown.get(shown)
      return target === undefined || isWithin(slots.rankInFlight(shown.slot) + 1, target.capacity)
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

  /** That rank of each engine. An engine that has no such rank refuses the request, so it gets it only if none has. */
  #pinned(engines: readonly Engine[], rank: number): readonly Engine[] {
    const candidates = engines.map(engine => this.#byEngine.get(engine.slot)?.[rank]?.shown ?? engine)
    return preferring(candidates, engine => this.#byShown.has(engine))
  }

  #targetsOf(engine: Engine): Target[] {
    const count = engine.ranks?.count ?? 0
    const capacity = Math.ceil(capacityOf(engine, this.#maxPerEngine) / count)
    return Array.from({ length: count }, (_, number) => {
      const target = this.#options.slots.targetOf(engine.slot, number)
      return {
        shown: { ...engine, slot: target, url: `${engine.url}@${number}`, maxRunning: capacity },
        engine: { ...engine, rank: { number, target } },
        capacity,
      }
    })
  }

  #inFlight(target: number): number {
    const { slots } = this.#options
    return this.#byNumber.has(target) ? slots.rankInFlight(target) : slots.inFlight(target)
  }
}
