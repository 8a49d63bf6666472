/** When an engine that is not up yet is reported, and how. Pure. */
import { NOT_SERVED } from './engine-facts.ts'
import type { ProbeResult } from './probe.ts'

export interface LateReport {
  /** When the next report is due, in milliseconds after the monitor has started. */
  readonly nextMs: number
  /** Pause before the report after that. */
  readonly pauseMs: number
}

/** After this time without a response an operator is informed. */
const FIRST_MS = 5000
/** Pauses before further reports: each is twice the one before. */
const PAUSE_MS = { first: 10_000, max: 60_000 }

export const FIRST_REPORT: LateReport = { nextMs: FIRST_MS, pauseMs: PAUSE_MS.first }

/** What follows a report that was made at `nowMs`. */
export function afterReport({ pauseMs }: LateReport, nowMs: number): LateReport {
  return { nextMs: nowMs + pauseMs, pauseMs: Math.min(pauseMs * 2, PAUSE_MS.max) }
}

/** Says what was seen of the engine, and what to check. */
export function lateText({ status }: Pick<ProbeResult, 'status'>): string {
  if (status === undefined) return 'engine does not respond, still trying: check its address and its own log'
  return NOT_SERVED.has(status)
    ? 'a server responds, but has no health page, still trying: check that the address is that of an engine, and --health-check-endpoint'
    : 'engine responds, but is not healthy yet, still trying: if it does not start, check its own log'
}
