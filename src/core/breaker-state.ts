/** Phases of an engine's circuit breaker: decided in `resilience/`, kept in `shared/`. Times on the process clock, ms. */
export type BreakerState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly untilMs: number }
  /** `probeUntilMs`: a probe is on its way and has its slot until then; `undefined`: the next request may probe. */
  | { readonly kind: 'half-open'; readonly probeUntilMs: number | undefined }

export const CLOSED: BreakerState = { kind: 'closed' }

/** What an engine has shown over the window. */
export interface WindowCounts {
  readonly ok: number
  readonly failed: number
  /** Failures since the last success, however old. */
  readonly inARow: number
}
