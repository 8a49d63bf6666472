/** The engines that a router thread knows, by role and model. What follows from the whole list is worked out once. */
import type { Config } from '../../src/config/config.ts'
import { type Engine, type EngineSnapshot, NO_ENGINES, type Role } from '../../src/core/engine.ts'
import { eligible } from '../../src/eligibility/eligible.ts'
import { type FleetModels, type ModelNeed, modelNeed, modelsOf } from '../../src/eligibility/fleet-models.ts'
import { acceptsPins, type RankPins } from '../../src/eligibility/rank-pins.ts'
import type { NoPair } from './unclaimed-pair.ts'

/** What a request wants of every engine. */
export interface WantedEngine {
  readonly model: string | undefined
  /** Set if not all engines have the API of the request. */
  readonly serves?: ((engine: Engine) => boolean) | undefined
}

const ROLES: readonly Role[] = ['prefill', 'decode', 'mixed']

export class Roster {
  readonly #defaultModel: string | undefined
  #snapshot: EngineSnapshot = NO_ENGINES
  #byRole: Record<Role, readonly Engine[]> = { prefill: [], decode: [], mixed: [] }
  #models: FleetModels = modelsOf([])

  constructor(config: Pick<Config, 'policy'>) {
    this.#defaultModel = config.policy.defaultModel
  }

  get engines(): readonly Engine[] {
    return this.#snapshot.engines
  }

  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    const ofRole = (role: Role): readonly Engine[] => snapshot.engines.filter(engine => engine.role === role)
    this.#byRole = { prefill: ofRole('prefill'), decode: ofRole('decode'), mixed: ofRole('mixed') }
    this.#models = modelsOf(snapshot.engines)
  }

  /** What a request needs that names `model`, or none. */
  needOf(model: string | undefined): ModelNeed {
    return modelNeed(this.#models, model ?? this.#defaultModel)
  }

  /**
   * The engines of a role that serve the model, that pass `serves` and that `isUsable` accepts by slot; any model, or all
   * engines, when `undefined`.
   */
  of(role: Role, { model, serves }: WantedEngine, isUsable: (slot: number) => boolean): readonly Engine[] {
    const engines = eligible(this.#byRole[role], { role, model }, isUsable)
    return serves === undefined || engines.every(serves) ? engines : engines.filter(serves)
  }

  /**
   * `serves`, and whether an engine can run the request on the ranks that its client pins. Where no engine of a role that
   * serves the model can, those engines get the request and refuse it.
   */
  serving({ model, serves }: WantedEngine, pins: RankPins | undefined): WantedEngine['serves'] {
    if (pins === undefined) return serves
    const able = ROLES.flatMap(role => this.of(role, { model, serves }, anySlot)).filter(engine =>
      acceptsPins(engine, pins),
    )
    const roles = new Set(able.map(({ role }) => role))
    return engine => (roles.has(engine.role) ? able.includes(engine) : serves?.(engine) !== false)
  }

  /** Names the engines that pass `serves`, the same for the same engines; empty if all do. */
  nameOf(serves: WantedEngine['serves']): string {
    const { engines } = this.#snapshot
    if (serves === undefined || engines.every(serves)) return ''
    return engines
      .filter(serves)
      .map(({ slot }) => slot)
      .join()
  }

  /** Whether engines of the missing role are registered, but none of them passes `serves`. */
  isUnserved(missing: NoPair, serves: WantedEngine['serves']): boolean {
    if (missing.kind !== 'none' || missing.missing === 'compatible decode' || serves === undefined)
      return false
    const engines = this.#byRole[missing.missing]
    return engines.length > 0 && !engines.some(serves)
  }
}

function anySlot(): boolean {
  return true
}
