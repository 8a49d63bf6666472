/** How long to wait before the next probe of an engine. Pure. */
import type { Config } from '../../config/config.ts'
import type { HealthState, Outage } from './health-check.ts'

export const FIRST_PAUSE_MS = 250

/**
 * An engine whose last probe failed is probed more often, so that it is known soon whether it is gone, and most often if
 * it refused the connection. Once it responds again, the probes that confirm its recovery follow quickly, so that it gets
 * requests one interval after it is back.
 */
export function pauseBeforeProbe(
  state: HealthState,
  outage: Outage | undefined,
  { health, engines }: Pick<Config, 'health' | 'engines'>,
): number {
  const { intervalSecs } = health
  if (state.kind === 'healthy' && state.failures === 0) return intervalSecs * 1000
  const pauseMs = Math.min(intervalSecs, engines.startupCheckIntervalSecs) * 1000
  const isSoon = state.kind === 'unhealthy' ? state.successes > 0 : outage?.isRefused === true
  return isSoon ? Math.min(pauseMs, FIRST_PAUSE_MS) : pauseMs
}
