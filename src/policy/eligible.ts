/** Which engines of a role may be chosen for a request. Pure. */
import type { Engine, Role } from '../core/engine.ts'

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
  return engines.filter(
    engine => engine.role === need.role && serves(engine, need.model) && isUsable(engine.slot),
  )
}

/** Those that are better, or all of them when none is: a doubtful engine before no engine. */
export function preferring(
  engines: readonly Engine[],
  isBetter: (engine: Engine) => boolean,
): readonly Engine[] {
  const better = engines.filter(isBetter)
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
  if (model === undefined || isUniform(engines)) return { kind: 'any' }
  return engines.some(engine => serves(engine, model)) ? { kind: 'named', model } : { kind: 'unknown' }
}

function isUniform(engines: readonly Engine[]): boolean {
  const names = engines.filter(engine => engine.models.length > 0).map(engine => engine.models.join('\n'))
  return names.every(name => name === names[0])
}

function serves(engine: Engine, model: string | undefined): boolean {
  return model === undefined || engine.models.length === 0 || engine.models.includes(model)
}
