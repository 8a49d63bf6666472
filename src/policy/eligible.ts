/** Selects the engines of a role that may be chosen for a request. Pure. */
import type { Engine, Role } from '../core/engine.ts'
import { passing } from './passing.ts'

export interface Need {
  readonly role: Role
  /** Model that the engine must serve. `undefined` accepts any engine. */
  readonly model: string | undefined
}

/** `isUsable` decides by slot whether an engine may receive requests now. Returns an empty list if none qualifies. */
export function eligible(
  engines: readonly Engine[],
  need: Need,
  isUsable: (slot: number) => boolean,
): readonly Engine[] {
  return passing(
    engines,
    engine => engine.role === need.role && serves(engine, need.model) && isUsable(engine.slot),
  )
}

/** Returns the preferred engines, or all engines if none is preferred: a doubtful engine is better than none. */
export function preferring(
  engines: readonly Engine[],
  isPreferred: (engine: Engine) => boolean,
): readonly Engine[] {
  const preferred = passing(engines, isPreferred)
  return preferred.length > 0 ? preferred : engines
}

/** How a model name restricts the choice of engines. */
export type ModelNeed =
  | { readonly kind: 'any' }
  | { readonly kind: 'named'; readonly model: string }
  | { readonly kind: 'unknown' }

/**
 * If all engines serve the same models, the name is left to the engines to check: SGLang accepts any name, and many
 * clients send "default". If their models differ, the name selects engines and must be one of their models.
 */
export function modelNeed(engines: readonly Engine[], model: string | undefined): ModelNeed {
  if (model === undefined || isUniform(engines)) return ANY
  return engines.some(engine => serves(engine, model)) ? { kind: 'named', model } : { kind: 'unknown' }
}

const ANY: ModelNeed = { kind: 'any' }

/** Whether all engines that report models report the same. Hot path: allocates nothing. */
function isUniform(engines: readonly Engine[]): boolean {
  let first: readonly string[] | undefined
  for (const { models } of engines) {
    if (models.length === 0) continue
    first ??= models
    if (first !== models && !areSame(first, models)) return false
  }
  return true
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index])
}

function serves(engine: Engine, model: string | undefined): boolean {
  return model === undefined || engine.models.length === 0 || engine.models.includes(model)
}
