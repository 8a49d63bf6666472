/**
 * Health of an engine, as a pure state machine driven by the results of its probes.
 *
 *   new ──first good probe──▶ healthy ──failureThreshold bad probes in a row──▶ unhealthy
 *                                ▲                                                  │
 *                                └────── successThreshold good probes in a row ─────┘
 *
 * A new engine is healthy at its first good probe, so that it gets requests as soon as it has started.
 */

export type HealthState =
  | { readonly kind: 'new' }
  | { readonly kind: 'healthy'; readonly failures: number }
  | { readonly kind: 'unhealthy'; readonly successes: number }

export interface HealthThresholds {
  readonly failureThreshold: number
  readonly successThreshold: number
}

export const NEW: HealthState = { kind: 'new' }
export const HEALTHY: HealthState = { kind: 'healthy', failures: 0 }

export function nextHealth(state: HealthState, isGood: boolean, thresholds: HealthThresholds): HealthState {
  switch (state.kind) {
    case 'new':
      return isGood ? HEALTHY : state
    case 'healthy': {
      if (isGood) return HEALTHY
      const failures = state.failures + 1
      return failures < thresholds.failureThreshold
        ? { kind: 'healthy', failures }
        : { kind: 'unhealthy', successes: 0 }
    }
    case 'unhealthy': {
      if (!isGood) return { kind: 'unhealthy', successes: 0 }
      const successes = state.successes + 1
      return successes < thresholds.successThreshold ? { kind: 'unhealthy', successes } : HEALTHY
    }
  }
}
