/** Holds the engines that this thread knows, and chooses a pair among them for each attempt. */
import type { Config } from '../../src/config/config.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Engine, EngineSnapshot, Role } from '../../src/core/engine.ts'
import { preferring } from '../../src/eligibility/eligible.ts'
import { PairingTable } from '../../src/eligibility/pairing-table.ts'
import { passing } from '../../src/eligibility/passing.ts'
import type { RankPins } from '../../src/eligibility/rank-pins.ts'
import type { ChoiceReason, Policy, PolicyView, RequestView } from '../../src/policy/policy.ts'
import type { Admissible } from '../../src/resilience/admissible.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import type { PairHealth } from '../../src/shared/pair-health.ts'
import { createPolicies, type PolicyMemory } from '../policy/create-policies.ts'
import type { Breakers, PlacedRequest, Probe } from './breakers.ts'
import { type PolicyInputs, policyViews } from './policy-views.ts'
import { RankTargets } from './rank-targets.ts'
import { Roster, type WantedEngine } from './roster.ts'
import { FULL, NO_EARLY, type NoPair, type Unclaimed, unclaimed } from './unclaimed-pair.ts'

/** `prefill` is absent when a mixed engine does both phases. */
export interface Pair {
  readonly prefill: Engine | undefined
  readonly decode: Engine
  /** Why the policies have chosen them. */
  readonly prefillReason?: ChoiceReason | undefined
  readonly decodeReason?: ChoiceReason | undefined
}

/** `probes`: the rights to probe half-open engines of the pair. The caller must settle them whatever happens. */
export interface ChosenPair {
  readonly kind: 'pair'
  readonly pair: Pair
  readonly probes: readonly Probe[]
}

export type PairChoice =
  | ChosenPair
  | NoPair
  | { readonly kind: 'unknown-model' }
  /** No engine of a role has the API of the request. */
  | { readonly kind: 'unserved' }
  /** The request must name one of the models. */
  | { readonly kind: 'unnamed-model'; readonly models: readonly string[] }

/** What a choice depends on besides the model of the request. */
export interface ChoiceInputs {
  readonly request?: RequestView | undefined
  readonly pins?: RankPins | undefined
  /** Whether an engine has the API of the request, if not all have. */
  readonly serves?: WantedEngine['serves']
}

/** What a choice depends on. */
export interface SelectionView extends Omit<PolicyInputs, 'others'>, PolicyMemory {
  readonly slots: EngineSlots
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
}

const NO_PROBES: readonly Probe[] = []
const UNSERVED: PairChoice = { kind: 'unserved' }
/** How often a choice is repeated when another thread claims the probe of the chosen engine first. */
const MAX_CLAIMS = 4

export class PairSelector {
  readonly #mode: Config['engines']['mode']
  readonly #roster: Roster
  readonly #slots: EngineSlots
  readonly #breakers: Breakers
  readonly #pairHealth: PairHealth
  readonly #nowMs: NowMs
  readonly #policies: Record<Role, Policy>
  readonly #views: Record<Role, PolicyView>
  readonly ranks: RankTargets
  #pairings = new PairingTable([])

  constructor(config: Config, view: SelectionView) {
    const { slots, breakers, pairHealth, nowMs } = view
    this.#mode = config.engines.mode
    this.#roster = new Roster(config)
    this.#slots = slots
    this.#breakers = breakers
    this.#pairHealth = pairHealth
    this.#nowMs = nowMs
    this.#policies = createPolicies(config.policy, view)
    this.ranks = new RankTargets(slots, config)
    this.#views = policyViews({ ...view, others: slots, slots: this.ranks })
  }

  get engines(): readonly Engine[] {
    return this.#roster.engines
  }

  update(snapshot: EngineSnapshot): void {
    this.#roster.update(snapshot)
    this.#pairings = new PairingTable(snapshot.engines)
    this.ranks.update(snapshot.engines)
  }

  isHealthy(engine: Engine): boolean {
    return this.#slots.isHealthy(engine.slot)
  }

  /** Requests with the same key need the same engines. */
  queueKeyOf(model: string | undefined): string {
    const need = this.#roster.needOf(model)
    return need.kind === 'named' ? need.model : ''
  }

  /** Names the engines that can serve a request with these needs, the same for the same engines; empty if all can. */
  servedBy(wanted: WantedEngine, pins?: RankPins): string {
    return this.#roster.nameOf(this.#roster.serving(wanted, pins))
  }

  /**
   * Chooses both engines of a pair, or none. `avoidedSlots`: engines that failures of this request were charged to, used
   * only when no others are left. `hasRoom`: whether an engine can take the request now. An avoided engine, or one of an
   * avoided pair, is not used just because the others are full: those will have room again.
   */
  choose(
    model: string | undefined,
    avoidedSlots: ReadonlySet<number>,
    hasRoom: HasRoom = anyRoom,
    inputs: ChoiceInputs = {},
  ): PairChoice {
    const need = this.#roster.needOf(model)
    if (need.kind === 'unknown') return { kind: 'unknown-model' }
    if (need.kind === 'unnamed') return { kind: 'unnamed-model', models: need.models }
    const named = need.kind === 'named' ? need.model : undefined
    const serves = this.#roster.serving({ model: named, serves: inputs.serves }, inputs.pins)
    const needs: Needs = { ...inputs, serves, avoidedSlots, hasRoom, isRetry: avoidedSlots.size > 0 }
    for (let claim = 0; claim < MAX_CLAIMS; claim++) {
      const found = this.#choosePair(named, needs)
      if (found.kind !== 'unclaimed') return this.#without(found, inputs.serves)
      const probes = this.#claim(found)
      if (probes !== 'taken') return { kind: 'pair', pair: this.#pairOf(found), probes }
    }
    // Other threads claimed the probe each time. As in a panic, a request that may fail is better than none.
    const found = this.#choosePair(named, needs)
    return found.kind === 'unclaimed' ? { kind: 'pair', pair: this.#pairOf(found), probes: NO_PROBES } : found
  }

  #without(missing: NoPair, serves: WantedEngine['serves']): PairChoice {
    return this.#roster.isUnserved(missing, serves) ? UNSERVED : missing
  }

  /** Whether both breakers are closed and transfers between the two work: a request sent there adds to no failure. */
  isSound({ prefill, decode }: Pair): boolean {
    if (!this.#breakers.isSound(decode)) return false
    if (prefill === undefined) return true
    return (
      this.#breakers.isSound(prefill) && !this.#pairHealth.isAvoided(prefill.slot, decode.slot, this.#nowMs())
    )
  }

  #choosePair(model: string | undefined, needs: Needs): Unclaimed | NoPair {
    if (this.#mode !== 'pd') {
      const mixed = this.#candidates('mixed', model, needs)
      if (mixed.engines.length === 0) return { kind: 'none', missing: 'mixed' }
      return unclaimed(undefined, this.#pick('mixed', mixed.engines, needs), NO_EARLY, mixed)
    }
    const prefills = this.#candidates('prefill', model, needs)
    if (prefills.engines.length === 0) return { kind: 'none', missing: 'prefill' }
    const decodes = this.#candidates('decode', model, needs)
    return decodes.engines.length === 0
      ? { kind: 'none', missing: 'decode' }
      : this.#join(prefills, decodes, needs)
  }

  /** The healthy engines that breakers admit; of those, the ones not avoided where there are any. */
  #candidates(role: Role, model: string | undefined, needs: Needs): Admissible<Engine> {
    const healthy = this.#roster.of(role, { model, serves: needs.serves }, this.#isUsable)
    const admitted = this.#breakers.admitted(healthy, needs)
    if (!needs.isRetry) return admitted
    const engines = preferring(admitted.engines, ({ slot }) => !needs.avoidedSlots.has(slot))
    return { engines, probesEarly: admitted.probesEarly }
  }

  readonly #isUsable = (slot: number): boolean => this.#slots.isHealthy(slot)

  /**
   * An engine whose pairs are all avoided is the likely reason, so it is used only while there is no other. When every
   * pair is avoided, one of them is used.
   */
  #join(prefills: Admissible<Engine>, decodes: Admissible<Engine>, needs: Needs): Unclaimed | NoPair {
    const joinable = this.#pairings.joinable(prefills.engines, decodes.engines, needs.hasRoom)
    if (joinable.length === 0) return { kind: 'none', missing: 'compatible decode' }
    const partnersOf = (prefill: Engine) => this.#pairings.partnersOf(prefill, decodes.engines)
    if (this.#pairHealth.areAllUsable()) {
      const prefill = this.#pick('prefill', joinable, needs)
      if (prefill === undefined) return FULL
      return unclaimed(prefill, this.#pick('decode', partnersOf(prefill), needs), prefills, decodes)
    }
    const nowMs = this.#nowMs()
    const isUsable = (prefill: Engine, decode: Engine): boolean =>
      !this.#pairHealth.isAvoided(prefill.slot, decode.slot, nowMs)
    const usable = preferring(joinable, prefill =>
      partnersOf(prefill).some(decode => isUsable(prefill, decode)),
    )
    const prefill = this.#pick('prefill', usable, needs)
    if (prefill === undefined) return FULL
    const reachable = preferring(partnersOf(prefill), decode => isUsable(prefill, decode))
    return unclaimed(prefill, this.#pick('decode', reachable, needs), prefills, decodes)
  }

  #claim({ prefill, decode, earlyPrefill, earlyDecode }: Unclaimed): readonly Probe[] | 'taken' {
    const first = prefill === undefined ? undefined : this.#breakers.claim(prefill, earlyPrefill)
    if (first === 'taken') return first
    const second = this.#breakers.claim(decode, earlyDecode)
    if (second === 'taken') {
      if (first !== undefined) this.#breakers.settle(first, 'neutral')
      return second
    }
    if (first === undefined && second === undefined) return NO_PROBES
    return [first, second].filter(probe => probe !== undefined)
  }

  /**
   * `undefined` when all of the engines are full. A retry prefers an engine whose last request went well: of many that
   * have begun to fail, no breaker may be open yet.
   */
  #pick(role: Role, engines: readonly Engine[], needs: Needs): Engine | undefined {
    const { hasRoom, isRetry, request, pins } = needs
    const free = passing(engines, hasRoom)
    if (free.length === 0) return undefined
    const preferred = isRetry ? preferring(free, this.#breakers.isProven) : free
    const targets = this.ranks.of(preferred, pins?.[role])
    const view = this.#views[role]
    const chosen = this.ranks.engineOf(this.#policies[role](targets, view, request))
    if (targets.length === 1) view.reason = 'only'
    return chosen
  }

  /** Must be called before the next choice, because policies keep only the latest reason. */
  #pairOf({ prefill, decode }: Unclaimed): Pair {
    const views = this.#views
    if (prefill === undefined)
      return { prefill, decode, prefillReason: undefined, decodeReason: views.mixed.reason }
    return { prefill, decode, prefillReason: views.prefill.reason, decodeReason: views.decode.reason }
  }
}

type HasRoom = (engine: Engine) => boolean

const anyRoom: HasRoom = () => true

/** What one request needs of its engines, besides a model. */
interface Needs extends PlacedRequest, ChoiceInputs {
  readonly avoidedSlots: ReadonlySet<number>
}
