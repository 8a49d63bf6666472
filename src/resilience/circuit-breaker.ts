/**
 * Circuit breaker of one engine, as pure decisions.
 *
 *   closed ──too many failures──▶ open ──first request after untilMs──▶ half-open ◀─┐ good, or abandoned
 *     ▲                            ▲                                     │  │  │    │
 *     │                            └──────────────── probe failed ◀──────┘  │  └────┘
 *     └─────────────────────────────── successThreshold good probes ◀───────┘
 *
 * Half-open lets one request through at a time, the probe. It has its slot until a deadline of its own, so that one
 * that is never heard of again (its thread died) does not keep the engine out for ever.
 * No clock, no memory: `shared/breaker-cells.ts` keeps the state, `workers/selection/breakers.ts` joins the two.
 */
import type { BreakerState, WindowCounts } from '../core/breaker-state.ts'

export interface BreakerOptions {
  /** Failures within the window before the breaker may open; so many in a row may open it whatever the window holds. */
  readonly failureThreshold: number
  /** Good probes that close it. */
  readonly successThreshold: number
  readonly minSamples: number
  /** Share of the samples that must have failed, 0..1. */
  readonly failureShare: number
  readonly openMs: number
  readonly probeTimeoutMs: number
}

/** How a leg ended for its engine. `neutral`: it tells nothing of the engine (a 4xx, a client that left). */
export type LegOutcome = 'good' | 'failed' | 'neutral'

/**
 * An engine that is dead fails all that it gets: the row of failures shows it at once, where the share of a long
 * window of good answers would take as long again. But failures come early and good answers late: of a burst of requests the
 * few that fail end first, all in a row. So what is still in flight counts for the engine.
 *
 * `inFlight`: legs that the engine has now.
 */
export function mustOpen(
  { ok, failed, inARow }: WindowCounts,
  inFlight: number,
  options: BreakerOptions,
): boolean {
  const { failureThreshold, minSamples, failureShare } = options
  if (inARow >= Math.max(failureThreshold, inFlight * failureShare)) return true
  const samples = ok + failed
  return failed >= failureThreshold && samples >= minSamples && failed >= (samples + inFlight) * failureShare
}

/** Whether a request may be sent now; unless closed, as a probe. */
export function admits(state: BreakerState, nowMs: number, options: BreakerOptions): boolean {
  switch (state.kind) {
    case 'closed':
      return true
    case 'open':
      return hasExpired(state.untilMs, nowMs, options.openMs)
    case 'half-open':
      return state.probeUntilMs === undefined || hasExpired(state.probeUntilMs, nowMs, options.probeTimeoutMs)
  }
}

/** Shared memory keeps moments modulo 12 days: one that is further away than it can be was days ago. */
function hasExpired(untilMs: number, nowMs: number, lengthMs: number): boolean {
  return nowMs >= untilMs || untilMs - nowMs > lengthMs
}

export function opened(nowMs: number, { openMs }: BreakerOptions): BreakerState {
  return { kind: 'open', untilMs: nowMs + openMs }
}

export function probing(nowMs: number, { probeTimeoutMs }: BreakerOptions): BreakerState {
  return { kind: 'half-open', probeUntilMs: nowMs + probeTimeoutMs }
}

/** `successes`: good probes so far, this one included. */
export function afterProbe(
  outcome: LegOutcome,
  successes: number,
  nowMs: number,
  options: BreakerOptions,
): BreakerState {
  if (outcome === 'failed') return opened(nowMs, options)
  if (outcome === 'good' && successes >= options.successThreshold) return { kind: 'closed' }
  return { kind: 'half-open', probeUntilMs: undefined }
}

/** Whether so many engines of a role are out that the breakers say more of the load than of the engines: panic. */
export function isPanic(engines: number, ejected: number, maxEjectedShare: number): boolean {
  return ejected >= engines || ejected > engines * maxEjectedShare
}
