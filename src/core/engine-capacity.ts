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
  return smallestRole(engines, roles, isUsable, engine => capacityOf(engine, maxPerEngine))
}

/** Requests that the fleet has room for, at most: that of the role with the least. */
export function fleetRoom(
  engines: readonly Engine[],
  roles: readonly Role[],
  maxPerEngine: number,
  {
    isUsable,
    inFlight,
  }: Record<'isUsable', (slot: number) => boolean> & Record<'inFlight', (slot: number) => number>,
): number {
  return smallestRole(engines, roles, isUsable, engine =>
    Math.max(0, capacityOf(engine, maxPerEngine) - inFlight(engine.slot)),
  )
}

function smallestRole(
  engines: readonly Engine[],
  roles: readonly Role[],
  isUsable: (slot: number) => boolean,
  valueOf: (engine: Engine) => number,
): number {
  const valueOfRole = (role: Role): number =>
    engines
      .filter(engine => engine.role === role && isUsable(engine.slot))
      .reduce((sum, engine) => sum + valueOf(engine), 0)
  return Math.min(...roles.map(valueOfRole))
}
