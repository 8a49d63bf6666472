/** The engines that a router thread knows, by role and model. What follows from the whole list is worked out once. */
import type { Config } from '../../src/config/config.ts'
import { type Engine, type EngineSnapshot, NO_ENGINES, type Role } from '../../src/core/engine.ts'
import { eligible } from '../../src/policy/eligible.ts'
import { type FleetModels, type ModelNeed, modelNeed, modelsOf } from '../../src/policy/fleet-models.ts'

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

  /** The engines of a role that serve the model and that `isUsable` accepts by slot; any model when `undefined`. */
  of(role: Role, model: string | undefined, isUsable: (slot: number) => boolean): readonly Engine[] {
    return eligible(this.#byRole[role], { role, model }, isUsable)
  }
}
