/** One round of one router, as the table needs it. Pure. */
import { percentileOf, sorted } from '../../load/percentiles.ts'
import type { LoadResult } from '../../load/result.ts'
import { failuresOf } from '../../report/failures.ts'
import type { Sample } from './ratio.ts'
import type { WrkResult } from '../loads/wrk.ts'

export interface PeerSample extends Sample {
  /** Requests that were to be answered. */
  readonly asked: number
  readonly right: number
  /** What went wrong most often; `undefined` when nothing did. */
  readonly complaint: string | undefined
}

/** What a process has cost in a round. */
export interface RoundCost {
  readonly cpuUs: number
  readonly rssMib: number
  /** Requests or chunks that came out of it. */
  readonly units: number
}

/** wrk counts an answer with an error status as a request, a connection that failed not. */
export function wrkSample(sample: Sample, seen: WrkResult): PeerSample {
  const { requests, statusErrors, socketErrors } = seen
  const told = [
    ...(statusErrors > 0 ? [`${statusErrors} error statuses`] : []),
    ...(requests === 0 ? ['no answer within a round'] : []),
    ...(socketErrors > 0 ? [`${socketErrors} connections failed or timed out`] : []),
  ]
  const complaint = told.length === 0 ? undefined : told.join(', ')
  return { ...sample, asked: requests + socketErrors, right: requests - statusErrors, complaint }
}

/** Times are to the first token of a stream, to the end of any other answer. */
export function checkedSample(result: LoadResult, cost: RoundCost): PeerSample {
  const { plan, records } = result
  const right = records.filter(({ outcome }) => outcome === 'ok')
  const times = sorted(right.map(one => (one.firstTokenMs ?? one.endMs) - one.sentMs))
  const lengthMs = records.reduce((latest, { endMs }) => Math.max(latest, endMs), 1)
  // Of a load that is bound by time nobody knows how many there were to be.
  const asked = plan.durationMs === undefined ? plan.requests : records.length
  return {
    ...cost,
    requestsPerSecond: (right.length * 1000) / lengthMs,
    p50Ms: percentileOf(times, 50),
    p99Ms: percentileOf(times, 99),
    errors: asked - right.length,
    asked,
    right: right.length,
    complaint: complaintOf(result, asked),
  }
}

function complaintOf(result: LoadResult, asked: number): string | undefined {
  const counts = Object.entries(failuresOf(result)).map(([kind, { count, example }]) => ({
    kind,
    count,
    example,
  }))
  const lost = asked - result.records.length
  if (lost > 0) counts.push({ kind: 'no answer in time', count: lost, example: '' })
  const told = counts
    .toSorted((a, b) => b.count - a.count)
    .map(({ kind, count, example }) => `${count} x ${kind}${example === '' ? '' : ` (${example})`}`)
  return told.length === 0 ? undefined : told.join('; ')
}
