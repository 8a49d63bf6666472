/** Selects the engines of a role that may be chosen for a request. Pure. */
import type { Engine, Role } from '../core/engine.ts'
import { passing } from './passing.ts'

export interface Need {
  readonly role: Role
  /** Model that the engine must report. `undefined` accepts any engine. */
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

function serves(engine: Engine, model: string | undefined): boolean {
  return model === undefined || engine.models.includes(model)
}
