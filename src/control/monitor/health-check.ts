/**
 * Health of an engine, as a pure state machine driven by the results of its probes.
 *
 *   new ──first good probe──▶ healthy ──failureThreshold bad probes in a row──▶ unhealthy
 *                                ▲                                                  │
 *                                └────── successThreshold good probes in a row ─────┘
 *
 * A new engine is healthy at its first good probe, so that it gets requests as soon as it has started. A slow probe is
 * good while requests succeed on the engine: they show more than any probe.
 */

import type { HealthName } from '../../shared/engine-slots.ts'

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

/** The state that a new control thread begins with. `health`: what the previous one has published. */
export function stateAfter(health: HealthName): HealthState {
  switch (health) {
    case 'healthy':
      return HEALTHY
    case 'unhealthy':
      return { kind: 'unhealthy', successes: 0 }
    case 'unknown':
    case 'draining':
      return NEW
  }
}

/**
 * How a probe failed. `slow`: the engine accepted the connection and did not respond in time. `refused`: nothing listens
 * at its address. `misfit`: the process there cannot do the work of the role. `failed`: anything else, such as an error
 * status.
 */
export type ProbeFault = 'slow' | 'refused' | 'misfit' | 'failed'

/** A misfit does not pass, so it marks an engine unhealthy at once. */
export function thresholdsFor(
  fault: ProbeFault | undefined,
  { failureThreshold, successThreshold }: HealthThresholds,
): HealthThresholds {
  return { failureThreshold: fault === 'misfit' ? 1 : failureThreshold, successThreshold }
}

/** Failed probes in a row. */
export interface Outage {
  /** Start of the first of them, or the time after which a request has last succeeded on the engine. */
  readonly sinceMs: number
  /** All of them were slow: the engine may be busy. */
  readonly isSlow: boolean
  /** The last one was refused. */
  readonly isRefused: boolean
}

/** `hasServed`: a request has succeeded on the engine since the probe before. `startedMs`: start of this probe. */
export function nextOutage(
  before: Outage | undefined,
  fault: ProbeFault,
  { startedMs, hasServed }: { readonly startedMs: number; readonly hasServed: boolean },
): Outage {
  return {
    sinceMs: before === undefined || hasServed ? startedMs : before.sinceMs,
    isSlow: fault === 'slow' && before?.isSlow !== false,
    isRefused: fault === 'refused',
  }
}

/**
 * Whether requests that the engine has taken, but not answered, should no longer wait for it: its process is gone, or has
 * shown no sign of life for `giveUpMs`. A draining engine refuses probes by status and still finishes its requests.
 */
export function isLost(
  { kind }: HealthState,
  { sinceMs, isRefused }: Outage,
  { nowMs, giveUpMs }: { readonly nowMs: number; readonly giveUpMs: number },
): boolean {
  return kind === 'unhealthy' && (isRefused || nowMs - sinceMs >= giveUpMs)
}
