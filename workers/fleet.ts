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
  /** There are engines of each role, and those of one are at their capacity. */
  | { readonly kind: 'full' }
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

  /** Requests with the same key ask for the same engines. */
  keyOf(model: string | undefined): string {
    const need = modelNeed(this.engines, model)
    return need.kind === 'named' ? need.model : ''
  }

  /** `avoid`: slots of engines that have failed this request. `hasRoom`: whether an engine can take it now. */
  choose(model: string | undefined, avoid: ReadonlySet<number>, hasRoom: HasRoom = anyRoom): PairChoice {
    const need = modelNeed(this.engines, model)
    if (need.kind === 'unknown') return { kind: 'unknown-model' }
    const named = need.kind === 'named' ? need.model : undefined
    const prefill = this.#mode === 'pd' ? this.#pick('prefill', named, avoid, hasRoom) : undefined
    if (prefill === 'none') return { kind: 'none', missing: 'prefill' }
    const role = this.#mode === 'pd' ? 'decode' : 'mixed'
    const decode = this.#pick(role, named, avoid, hasRoom)
    if (decode === 'none') return { kind: 'none', missing: role }
    return prefill === 'full' || decode === 'full'
      ? { kind: 'full' }
      : { kind: 'pair', pair: { prefill, decode } }
  }

  /** An engine that has failed the request is not taken because the others are full: those get room again. */
  #pick(
    role: Role,
    model: string | undefined,
    avoid: ReadonlySet<number>,
    hasRoom: HasRoom,
  ): Engine | 'none' | 'full' {
    const engines = eligible(this.engines, { role, model, avoid }, slot => this.#slots.isHealthy(slot))
    if (engines.length === 0) return 'none'
    const withRoom = engines.filter(engine => hasRoom(engine))
    return withRoom.length === 0 ? 'full' : this.#policies[role](withRoom, this.#views[role])
  }
}

type HasRoom = (engine: Engine) => boolean

const anyRoom: HasRoom = () => true
