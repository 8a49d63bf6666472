/** Whether a request could be served now. Pure but for the read of shared memory. */
import type { Engine, Role } from './engine.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  readonly totalEngines: number
  /** Why not. */
  readonly reason?: string
}

/** Ready means that there is a healthy engine of every needed role. */
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
