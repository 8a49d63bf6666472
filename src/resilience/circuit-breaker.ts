/**
 * Circuit breaker of one engine, as pure decisions.
 *
 *   closed ──too many failures──▶ open ──first request after untilMs──▶ half-open ◀─┐ good, or abandoned
 *     ▲                            ▲                                     │  │  │    │
 *     │                            └──────────────── probe failed ◀──────┘  │  └────┘
 *     └─────────────────────────────── successThreshold good probes ◀───────┘
 *
 * A half-open breaker lets one request through at a time, the probe. The probe expires, so that one whose thread has died
 * does not exclude the engine permanently.
 * No clock and no memory: `shared/breaker-cells.ts` keeps the state, `workers/selection/breakers.ts` joins the two.
 */
import type { BreakerState, WindowCounts } from '../core/breaker-state.ts'
import type { Standing } from './admissible.ts'

export interface BreakerOptions {
  /** Failures in the window before the breaker may open; this many in a row may open it whatever else the window holds. */
  readonly failureThreshold: number
  /** Good probes that close the breaker. */
  readonly successThreshold: number
  /** Ended legs in the window below which their share of failures does not count. */
  readonly minSamples: number
  /** Share of the samples that must have failed, 0..1. */
  readonly failureShare: number
  readonly openMs: number
  /** Time after which an open breaker may be probed early, because the role needs the engine. */
  readonly earlyProbeMs: number
  readonly probeTimeoutMs: number
}

/** What a leg shows about its engine. `neutral`: nothing, for instance because the client left. */
export type LegOutcome = 'good' | 'failed' | 'neutral'

/**
 * Whether a closed breaker must open. `inFlight`: requests in flight on the engine.
 *
 * A dead engine fails every request: a run of failures shows it at once, where the share of failures in a long window
 * of good responses would take as long again. But failures are quick and good responses slow: in a burst, the few
 * requests that fail end first, and in a row. So requests in flight count as good.
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

/** What the breaker allows now. Unless it is closed, a request that is sent is a probe. */
export function standingOf(state: BreakerState, nowMs: number, options: BreakerOptions): Standing {
  const { openMs, earlyProbeMs, probeTimeoutMs } = options
  switch (state.kind) {
    case 'closed':
      return 'closed'
    case 'open': {
      if (hasExpired(state.untilMs, nowMs, openMs)) return 'probe'
      return nowMs >= state.untilMs - openMs + earlyProbeMs ? 'early' : 'open'
    }
    case 'half-open':
      return state.probeUntilMs === undefined || hasExpired(state.probeUntilMs, nowMs, probeTimeoutMs)
        ? 'probe'
        : 'open'
  }
}

/** Shared memory keeps times modulo 12 days, so one that is further ahead than `lengthMs` is in the past. */
function hasExpired(untilMs: number, nowMs: number, lengthMs: number): boolean {
  return nowMs >= untilMs || untilMs - nowMs > lengthMs
}

export function opened(nowMs: number, { openMs }: BreakerOptions): BreakerState {
  return { kind: 'open', untilMs: nowMs + openMs }
}

export function probing(nowMs: number, { probeTimeoutMs }: BreakerOptions): BreakerState {
  return { kind: 'half-open', probeUntilMs: nowMs + probeTimeoutMs }
}

/** The state after a probe. `successes`: good probes so far, including this one. */
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
