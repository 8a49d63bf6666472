/** When the rate of a ramp passed each whole number, for vLLM's result file. Pure. */

import { rateAt } from '../../load/arrivals/schedule.ts'
import type { LoadResult } from '../../load/records/result.ts'

export interface RampEvent {
  readonly rps: number
  readonly timestamp: string
}

/** Covers the requests that were sent; empty without a ramp. */
export function rampEvents({ plan, records, startMs }: LoadResult): readonly RampEvent[] {
  const { arrivals, requests } = plan
  if (arrivals.kind === 'closed' || arrivals.ramp === undefined) return []
  const { ramp } = arrivals
  const begin = { rps: ramp.startRatePerSecond, timestamp: new Date(startMs).toISOString() }
  const events: RampEvent[] = [begin]
  let last = Math.floor(begin.rps)
  for (const { index, scheduledMs } of records.toSorted((a, b) => a.index - b.index)) {
    const timestamp = new Date(startMs + scheduledMs).toISOString()
    const passed = wholeBetween(last, Math.floor(rateAt(ramp, index / Math.max(1, requests - 1)) + EPSILON))
    events.push(...passed.map(rps => ({ rps, timestamp })))
    last = passed.at(-1) ?? last
  }
  return events
}

/** Rounding error: an exponential ramp to 8 ends at 7.999999. */
const EPSILON = 1e-9

/** Each whole number from one to the other, up or down, without the first. */
function wholeBetween(from: number, to: number): number[] {
  const step = Math.sign(to - from)
  return Array.from({ length: Math.abs(to - from) }, (_, index) => from + step * (index + 1))
}
