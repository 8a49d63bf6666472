/** Holds the engines that this thread knows, and chooses a pair among them for each attempt. */
import type { Config } from '../../src/config/config.ts'
import type { NowMs } from '../../src/core/clock.ts'
import { type Engine, type EngineSnapshot, NO_ENGINES, type Role } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/random.ts'
import { eligible, modelNeed, preferring } from '../../src/policy/eligible.ts'
import { PairingTable } from '../../src/policy/pairing-table.ts'
import { passing } from '../../src/policy/passing.ts'
import { POLICIES } from '../../src/policy/policies.ts'
import type { Policy, PolicyView } from '../../src/policy/policy.ts'
import type { CounterName, SharedCounters } from '../../src/shared/counters.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import type { PairHealth } from '../../src/shared/pair-health.ts'
import type { Breakers, Probe } from './breakers.ts'

/** `prefill` is absent when a mixed engine does both phases. */
export interface Pair {
  readonly prefill: Engine | undefined
  readonly decode: Engine
}

type Choice =
  /** `probes`: the rights to probe half-open engines of the pair. The caller must settle them whatever happens. */
  | { readonly kind: 'pair'; readonly pair: Pair; readonly probes: readonly Probe[] }
  /** No engine of the role can be chosen now. */
  | { readonly kind: 'none'; readonly missing: Role }
  /** Each role has engines, but all those of one role are at capacity. */
  | { readonly kind: 'full' }

export type ChosenPair = Extract<Choice, { kind: 'pair' }>
export type PairChoice = Choice | { readonly kind: 'unknown-model' }

/** What a choice depends on. */
export interface SelectionView {
  readonly slots: EngineSlots
  readonly counters: SharedCounters
  readonly breakers: Breakers
  readonly pairHealth: PairHealth
  readonly random: Random
  readonly nowMs: NowMs
}

const NO_PROBES: readonly Probe[] = []
/** How often a choice is repeated when another thread claims the probe of the chosen engine first. */
const MAX_CLAIMS = 4

export class PairSelector {
  readonly #mode: Config['engines']['mode']
  readonly #slots: EngineSlots
  readonly #breakers: Breakers
  readonly #pairHealth: PairHealth
  readonly #nowMs: NowMs
  readonly #policies: Record<Role, Policy>
  readonly #views: Record<Role, PolicyView>
  #snapshot: EngineSnapshot = NO_ENGINES
  #byRole: Record<Role, readonly Engine[]> = { prefill: [], decode: [], mixed: [] }
  #pairings = new PairingTable([])

  constructor(config: Config, { slots, counters, breakers, pairHealth, random, nowMs }: SelectionView) {
    const { main, prefill, decode } = config.policy
    const viewOf = (counter: CounterName): PolicyView => ({
      random,
      inFlight: slot => slots.inFlight(slot),
      next: () => counters.next(counter),
    })
    this.#mode = config.engines.mode
    this.#slots = slots
    this.#breakers = breakers
    this.#pairHealth = pairHealth
    this.#nowMs = nowMs
    this.#policies = {
      prefill: POLICIES[prefill ?? main],
      decode: POLICIES[decode ?? main],
      mixed: POLICIES[main],
    }
    this.#views = { prefill: viewOf('prefill'), decode: viewOf('decode'), mixed: viewOf('mixed') }
  }

  get engines(): readonly Engine[] {
    return this.#snapshot.engines
  }

  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    const { engines } = snapshot
    this.#byRole = {
      prefill: engines.filter(({ role }) => role === 'prefill'),
      decode: engines.filter(({ role }) => role === 'decode'),
      mixed: engines.filter(({ role }) => role === 'mixed'),
    }
    this.#pairings = new PairingTable(engines)
  }

  isHealthy(engine: Engine): boolean {
    return this.#slots.isHealthy(engine.slot)
  }

  /** Requests with the same key need the same engines. */
  queueKeyOf(model: string | undefined): string {
    const need = modelNeed(this.engines, model)
    return need.kind === 'named' ? need.model : ''
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
  ): PairChoice {
    const need = modelNeed(this.engines, model)
    if (need.kind === 'unknown') return { kind: 'unknown-model' }
    const named = need.kind === 'named' ? need.model : undefined
    for (let claim = 0; claim < MAX_CLAIMS; claim++) {
      const choice = this.#choosePair(named, avoidedSlots, hasRoom)
      if (choice.kind !== 'pair') return choice
      const probes = this.#claim(choice.pair)
      if (probes !== 'taken') return { ...choice, probes }
    }
    // Other threads claimed the probe each time. As in a panic, a request that may fail is better than none.
    return this.#choosePair(named, avoidedSlots, hasRoom)
  }

  #choosePair(model: string | undefined, avoidedSlots: ReadonlySet<number>, hasRoom: HasRoom): Choice {
    if (this.#mode !== 'pd') {
      const mixed = this.#candidates('mixed', model, avoidedSlots)
      return mixed.length === 0
        ? { kind: 'none', missing: 'mixed' }
        : pairOf(undefined, this.#pick('mixed', mixed, hasRoom))
    }
    const prefills = this.#candidates('prefill', model, avoidedSlots)
    if (prefills.length === 0) return { kind: 'none', missing: 'prefill' }
    const decodes = this.#candidates('decode', model, avoidedSlots)
    return decodes.length === 0 ? { kind: 'none', missing: 'decode' } : this.#join(prefills, decodes, hasRoom)
  }

  /** The healthy engines that breakers admit; of those, the ones not avoided where there are any. */
  #candidates(role: Role, model: string | undefined, avoidedSlots: ReadonlySet<number>): readonly Engine[] {
    const healthy = eligible(this.#byRole[role], { role, model }, this.#isUsable)
    const admitted = this.#breakers.admitted(healthy)
    return avoidedSlots.size === 0 ? admitted : preferring(admitted, ({ slot }) => !avoidedSlots.has(slot))
  }

  readonly #isUsable = (slot: number): boolean => this.#slots.isHealthy(slot)

  /**
   * An engine whose pairs are all avoided is the likely reason, so it is used only while there is no other. When every
   * pair is avoided, one of them is used.
   */
  #join(prefills: readonly Engine[], decodes: readonly Engine[], hasRoom: HasRoom): Choice {
    const joinable = this.#joinable(prefills, decodes, hasRoom)
    if (joinable.length === 0) return { kind: 'none', missing: 'decode' }
    if (this.#pairHealth.areAllUsable()) {
      const prefill = this.#pick('prefill', joinable, hasRoom)
      if (prefill === undefined) return FULL
      return pairOf(prefill, this.#pick('decode', this.#partnersOf(prefill, decodes), hasRoom))
    }
    const nowMs = this.#nowMs()
    const isUsable = (prefill: Engine, decode: Engine): boolean =>
      !this.#pairHealth.isAvoided(prefill.slot, decode.slot, nowMs)
    const usable = preferring(joinable, prefill =>
      this.#partnersOf(prefill, decodes).some(decode => isUsable(prefill, decode)),
    )
    const prefill = this.#pick('prefill', usable, hasRoom)
    if (prefill === undefined) return FULL
    const partners = this.#partnersOf(prefill, decodes)
    const reachable = preferring(partners, decode => isUsable(prefill, decode))
    return pairOf(prefill, this.#pick('decode', reachable, hasRoom))
  }

  /** The prefill engines that can work with one of `decodes`: with one that has room, if there are any. */
  #joinable(prefills: readonly Engine[], decodes: readonly Engine[], hasRoom: HasRoom): readonly Engine[] {
    if (this.#pairings.isUniform) return prefills
    const canJoin = (prefill: Engine, isOpen: HasRoom): boolean =>
      decodes.some(decode => this.#pairings.canPair(prefill, decode) && isOpen(decode))
    const joinable = passing(prefills, prefill => canJoin(prefill, anyRoom))
    return preferring(joinable, prefill => canJoin(prefill, hasRoom))
  }

  /** Unlike an avoided pair, one that cannot work together is not even used when there is no other. */
  #partnersOf(prefill: Engine, decodes: readonly Engine[]): readonly Engine[] {
    return passing(decodes, decode => this.#pairings.canPair(prefill, decode))
  }

  #claim({ prefill, decode }: Pair): readonly Probe[] | 'taken' {
    const first = prefill === undefined ? undefined : this.#breakers.claim(prefill)
    if (first === 'taken') return first
    const second = this.#breakers.claim(decode)
    if (second === 'taken') {
      if (first !== undefined) this.#breakers.settle(first, 'neutral')
      return second
    }
    if (first === undefined && second === undefined) return NO_PROBES
    return [first, second].filter(probe => probe !== undefined)
  }

  /** `undefined` when all of the engines are full. */
  #pick(role: Role, engines: readonly Engine[], hasRoom: HasRoom): Engine | undefined {
    const free = passing(engines, hasRoom)
    return free.length === 0 ? undefined : this.#policies[role](free, this.#views[role])
  }
}

type HasRoom = (engine: Engine) => boolean

const anyRoom: HasRoom = () => true

const FULL: Choice = { kind: 'full' }

function pairOf(prefill: Engine | undefined, decode: Engine | undefined): Choice {
  return decode === undefined ? FULL : { kind: 'pair', pair: { prefill, decode }, probes: NO_PROBES }
}
