/** Decides whether the gateway is ready, from the health of the engines in shared memory. */
import type { Engine, Role } from './engine.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  readonly totalEngines: number
  /** Why the gateway is not ready. Unset if it is. */
  readonly reason?: string
}

/** The gateway is ready if every needed role has a healthy engine. */
export function readinessOf(
  neededRoles: readonly Role[],
  engines: readonly Engine[],
  slots: { isHealthy(slot: number): boolean },
): Readiness {
  const healthy = engines.filter(engine => slots.isHealthy(engine.slot))
  const missing = neededRoles.filter(role => !healthy.some(engine => engine.role === role))
  const counts = { healthyEngines: healthy.length, totalEngines: engines.length }
  if (missing.length === 0) return { isReady: true, ...counts }
  return { isReady: false, reason: `no healthy ${missing.join(' and no healthy ')} engine`, ...counts }
}
