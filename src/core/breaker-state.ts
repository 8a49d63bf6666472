/** State of a circuit breaker: decided in `resilience/`, stored in `shared/`. Times are on the process clock, in ms. */
export type BreakerState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly untilMs: number }
  /** `probeUntilMs` is the deadline of the probe in flight. If `undefined`, the next request may probe. */
  | { readonly kind: 'half-open'; readonly probeUntilMs: number | undefined }

export const CLOSED: BreakerState = { kind: 'closed' }

/** Outcomes of an engine within the window. */
export interface WindowCounts {
  readonly ok: number
  readonly failed: number
  /** Failures since the last success, however old. */
  readonly inARow: number
}
