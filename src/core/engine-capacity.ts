/** Number of requests that an engine, or a fleet of engines, may run at once. Pure; the caller knows which are healthy. */
import type { Engine, Role } from './engine.ts'

/**
 * Capacity of one engine: the smaller of the limit that it reports and `maxPerEngine` (0 for none), or `Infinity`
 * without either.
 */
export function capacityOf(engine: Engine, maxPerEngine: number): number {
  const configured = maxPerEngine > 0 ? maxPerEngine : Infinity
  return Math.min(engine.maxRunning ?? Infinity, configured)
}

/**
 * Capacity of a fleet, which is that of its smallest role: 0 if a role has no usable engine, `Infinity` if every role
 * has an engine without a limit.
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
