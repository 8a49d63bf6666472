/** Whether the gateway can serve requests, and how `/readiness` reports it. Pure apart from reads of shared memory. */
import type { Engine, Role } from './engine.ts'
import { canPair, pairingConflict } from './pairing.ts'

export interface Readiness {
  readonly isReady: boolean
  readonly healthyEngines: number
  /** Also those that have not responded yet. */
  readonly totalEngines: number
  /** Why the gateway is not ready. */
  readonly reason?: string
}

/**
 * Ready means that every needed role has at least one healthy engine, and that two of a pair can work together.
 * `joining`: number of engines that have not responded yet.
 */
export function readinessOf(
  neededRoles: readonly Role[],
  engines: readonly Engine[],
  slots: { isHealthy(slot: number): boolean },
  joining: number,
): Readiness {
  const healthy = engines.filter(engine => slots.isHealthy(engine.slot))
  const missing = neededRoles.filter(role => !healthy.some(engine => engine.role === role))
  const counts = { healthyEngines: healthy.length, totalEngines: engines.length + joining }
  const conflict = missing.length === 0 ? conflictOf(neededRoles, healthy) : undefined
  if (conflict !== undefined) return { isReady: false, reason: conflict, ...counts }
  if (missing.length === 0) return { isReady: true, ...counts }
  return { isReady: false, reason: `no healthy ${missing.join(' and no healthy ')} engine`, ...counts }
}

/** Why no prefill engine can work with any decode engine; `undefined` if two can. */
function conflictOf(neededRoles: readonly Role[], healthy: readonly Engine[]): string | undefined {
  if (!neededRoles.includes('prefill')) return undefined
  const decodes = healthy.filter(({ role }) => role === 'decode')
  let first: string | undefined
  for (const prefill of healthy.filter(({ role }) => role === 'prefill')) {
    for (const decode of decodes) {
      if (canPair(prefill, decode)) return undefined
      first ??= pairingConflict(prefill, decode)
    }
  }
  return first && `no prefill engine can work with a decode engine: ${first}`
}

export interface ReadinessReport {
  readonly status: number
  /** Serialized as JSON. The field names are those of the Rust routers, whose clients read them. */
  readonly body: {
    readonly status: 'ready' | 'not ready'
    readonly reason?: string
    readonly healthy_workers: number
    readonly total_workers: number
  }
}

/** The response to `GET /readiness`, the same on every listener. A gateway that shuts down is not ready. */
export function readinessReport(readiness: Readiness, isShuttingDown: boolean): ReadinessReport {
  const counts = { healthy_workers: readiness.healthyEngines, total_workers: readiness.totalEngines }
  if (readiness.isReady && !isShuttingDown) return { status: 200, body: { status: 'ready', ...counts } }
  const reason = isShuttingDown ? 'shutting-down' : (readiness.reason ?? 'unknown')
  return { status: 503, body: { status: 'not ready', reason, ...counts } }
}
