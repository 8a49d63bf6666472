/** Which engines of a role may be chosen for a request. Pure. */
import type { Engine, Role } from '../core/engine.ts'
import { passing } from './passing.ts'

export interface Need {
  readonly role: Role
  /** Model named in the request; `undefined` takes any engine. */
  readonly model: string | undefined
}

/** `isUsable` tells whether the engine of a slot may get traffic now. Empty when no engine may be chosen. */
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

/** Those that are better, or all of them when none is: a doubtful engine before no engine. */
export function preferring(
  engines: readonly Engine[],
  isBetter: (engine: Engine) => boolean,
): readonly Engine[] {
  const better = passing(engines, isBetter)
  return better.length > 0 ? better : engines
}

/** What the fleet makes of a model name. */
export type ModelNeed =
  | { readonly kind: 'any' }
  | { readonly kind: 'named'; readonly model: string }
  | { readonly kind: 'unknown' }

/**
 * A fleet in which every engine names the same models leaves the check to the engines: SGLang takes any name, and
 * many clients send "default". In a mixed fleet the name chooses among the engines, and must be one of theirs.
 */
export function modelNeed(engines: readonly Engine[], model: string | undefined): ModelNeed {
  if (model === undefined || isUniform(engines)) return ANY
  return engines.some(engine => serves(engine, model)) ? { kind: 'named', model } : { kind: 'unknown' }
}

const ANY: ModelNeed = { kind: 'any' }

/** Asked for each request that names a model: nothing is made for the answer. */
function isUniform(engines: readonly Engine[]): boolean {
  let first: readonly string[] | undefined
  for (const { models } of engines) {
    if (models.length === 0) continue
    first ??= models
    if (first !== models && !areSame(first, models)) return false
  }
  return true
}

function areSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at])
}

function serves(engine: Engine, model: string | undefined): boolean {
  return model === undefined || engine.models.length === 0 || engine.models.includes(model)
}
