/** The sample of one round of one router. Pure. */

import type { LoadResult } from '../../load/records/result.ts'
import { failureText } from '../../report/failures.ts'
import { percentileOf, sorted } from '../../report/percentiles.ts'
import type { WrkResult } from '../../wrk/wrk.ts'
import type { Sample } from './ratio.ts'

export interface RouterSample extends Sample {
  /** Requests that were sent. */
  readonly sent: number
  readonly correct: number
  /** What went wrong, most frequent first; undefined if nothing did. */
  readonly failures: string | undefined
}

/** What a round cost the process. */
export interface RoundCost {
  readonly cpuUs: number
  readonly rssMib: number
  /** Requests or chunks that the cost is divided by. */
  readonly units: number
}

/** wrk counts a response with an error status as a request, but not a failed connection. */
export function wrkSample(sample: Sample, result: WrkResult): RouterSample {
  const { requests, statusErrors } = result
  const socketErrors = result.connectErrors + result.transferErrors
  const parts = [
    ...(statusErrors > 0 ? [`${statusErrors} error statuses`] : []),
    ...(requests === 0 ? ['no response within a round'] : []),
    ...(socketErrors > 0 ? [`${socketErrors} connections failed or timed out`] : []),
  ]
  const failures = parts.length === 0 ? undefined : parts.join(', ')
  return { ...sample, sent: requests + socketErrors, correct: requests - statusErrors, failures }
}

/** Latencies run to the first token of a stream, and to the end of any other response. */
export function checkedSample(result: LoadResult, cost: RoundCost): RouterSample {
  const { plan, records } = result
  const correct = records.filter(({ outcome }) => outcome === 'ok')
  const times = sorted(correct.map(({ firstTokenMs, endMs, sentMs }) => (firstTokenMs ?? endMs) - sentMs))
  const lengthMs = records.reduce((latest, { endMs }) => Math.max(latest, endMs), 1)
  // A load that is limited by time has no planned number of requests.
  const sent = plan.durationMs === undefined ? plan.requests : records.length
  return {
    ...cost,
    requestsPerSecond: (correct.length * 1000) / lengthMs,
    p50Ms: percentileOf(times, 50),
    p99Ms: percentileOf(times, 99),
    errors: sent - correct.length,
    sent,
    correct: correct.length,
    failures: failureText(result, sent),
  }
}
