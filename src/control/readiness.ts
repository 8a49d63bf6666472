/** Whether a request could be served now. Pure but for the look into shared memory. */
import type { Config } from '../config/config.ts'
import { neededRoles } from '../config/needed-roles.ts'
import type { Engine } from '../core/engine.ts'

export interface EngineReadiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  readonly totalEngines: number
  /** Why not. */
  readonly reason?: string
}

/** Ready: a pair, or in regular mode an engine, that could take a request now. */
export function readinessOf(
  config: Pick<Config, 'engines'>,
  engines: readonly Engine[],
  slots: { isHealthy(slot: number): boolean },
): EngineReadiness {
  const healthy = engines.filter(engine => slots.isHealthy(engine.slot))
  const missing = neededRoles(config).filter(role => !healthy.some(engine => engine.role === role))
  const counts = { healthyEngines: healthy.length, totalEngines: engines.length }
  if (missing.length === 0) return { isReady: true, ...counts }
  return { isReady: false, reason: `no healthy ${missing.join(' and no healthy ')} engine`, ...counts }
}
