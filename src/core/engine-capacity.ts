/** How many requests engines may run at once, alone and as a fleet. Pure; who is healthy is told by the caller. */
import type { Engine, Role } from './engine.ts'

/** Of one engine, `Infinity` when it told none. `maxPerEngine`: the configured cap, 0 for none; the smaller one counts. */
export function capacityOf(engine: Engine, maxPerEngine: number): number {
  const configured = maxPerEngine > 0 ? maxPerEngine : Infinity
  return Math.min(engine.maxRunning ?? Infinity, configured)
}

/**
 * Requests that a fleet can run at once: as many as its weakest role. 0 when a role has no usable engine, `Infinity`
 * when no engine of the roles has a bound.
 */
export function fleetCapacity(
  engines: readonly Engine[],
  roles: readonly Role[],
  maxPerEngine: number,
  isUsable: (slot: number) => boolean,
): number {
  const capacityOfRole = (role: Role): number =>
    engines
      .filter(engine => engine.role === role && isUsable(engine.slot))
      .reduce((sum, engine) => sum + capacityOf(engine, maxPerEngine), 0)
  return Math.min(...roles.map(capacityOfRole))
}
