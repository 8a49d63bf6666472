/** The engines as this thread knows them, and the choice of a pair among them. */
import type { Config } from '../src/config/config.ts'
import { type Engine, type EngineSnapshot, NO_ENGINES, type Role } from '../src/core/engine.ts'
import type { Random } from '../src/core/random.ts'
import { eligible, modelNeed } from '../src/policy/eligible.ts'
import { POLICIES } from '../src/policy/policies.ts'
import type { Policy, PolicyView } from '../src/policy/policy.ts'
import type { CounterName, SharedCounters } from '../src/shared/counters.ts'
import type { EngineSlots } from '../src/shared/engine-slots.ts'

/** `prefill` is absent when one engine does both. */
export interface Pair {
  readonly prefill: Engine | undefined
  readonly decode: Engine
}

export type PairChoice =
  | { readonly kind: 'pair'; readonly pair: Pair }
  /** No engine of this role may be chosen now. */
  | { readonly kind: 'none'; readonly missing: Role }
  | { readonly kind: 'unknown-model' }

export class Fleet {
  readonly #mode: Config['engines']['mode']
  readonly #slots: EngineSlots
  readonly #policies: Record<Role, Policy>
  readonly #views: Record<Role, PolicyView>
  #snapshot: EngineSnapshot = NO_ENGINES

  constructor(config: Config, slots: EngineSlots, counters: SharedCounters, random: Random) {
    const { main, prefill, decode } = config.policy
    const viewOf = (counter: CounterName): PolicyView => ({
      random,
      inFlight: slot => slots.inFlight(slot),
      next: () => counters.next(counter),
    })
    this.#mode = config.engines.mode
    this.#slots = slots
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
  }

  isHealthy(engine: Engine): boolean {
    return this.#slots.isHealthy(engine.slot)
  }

  /** `avoid`: slots of engines that have failed this request. */
  choose(model: string | undefined, avoid: ReadonlySet<number>): PairChoice {
    const need = modelNeed(this.engines, model)
    if (need.kind === 'unknown') return { kind: 'unknown-model' }
    const named = need.kind === 'named' ? need.model : undefined
    const prefill = this.#mode === 'pd' ? this.#pick('prefill', named, avoid) : undefined
    if (this.#mode === 'pd' && prefill === undefined) return { kind: 'none', missing: 'prefill' }
    const role = this.#mode === 'pd' ? 'decode' : 'mixed'
    const decode = this.#pick(role, named, avoid)
    return decode === undefined
      ? { kind: 'none', missing: role }
      : { kind: 'pair', pair: { prefill, decode } }
  }

  #pick(role: Role, model: string | undefined, avoid: ReadonlySet<number>): Engine | undefined {
    const engines = eligible(this.engines, { role, model, avoid }, slot => this.#slots.isHealthy(slot))
    return engines.length === 0 ? undefined : this.#policies[role](engines, this.#views[role])
  }
}
