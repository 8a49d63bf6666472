/**
 * One request as a line of JSON in the format of aiperf's `profile_export.jsonl`: Unix times in nanoseconds, ids,
 * cancellation and error. Pure.
 */
import type { RequestRecord } from '../../load/records/record.ts'
import { timeOf } from '../goodput.ts'

/** The code that aiperf writes for a client that left. */
const CANCELLED_CODE = 499

export function requestLine(level: string, startMs: number, record: RequestRecord) {
  const unixNs = (sinceMs: number | undefined) => (sinceMs === undefined ? null : nsOf(startMs + sinceMs))
  return {
    metadata: {
      session_num: record.index,
      x_request_id: record.requestId ?? null,
      benchmark_phase: 'profiling',
      level,
      request_scheduled_ns: unixNs(record.scheduledMs),
      request_start_ns: unixNs(record.sentMs),
      request_head_ns: unixNs(record.headMs),
      first_token_ns: unixNs(record.firstTokenMs),
      last_token_ns: unixNs(record.lastTokenMs),
      request_end_ns: unixNs(record.endMs),
      was_cancelled: record.outcome === 'left',
      outcome: record.outcome,
      status: record.status,
    },
    metrics: {
      request_latency: { value: record.endMs - record.sentMs, unit: 'ms' },
      ...timed('time_to_first_token', timeOf(record, 'ttft')),
      ...timed('time_per_output_token', timeOf(record, 'tpot')),
      input_sequence_length: { value: record.inputTokens, unit: 'tokens' },
      output_sequence_length: { value: record.outputTokens, unit: 'tokens' },
    },
    error: errorOf(record),
  }
}

function timed(name: string, value: number | undefined) {
  return value === undefined ? {} : { [name]: { value, unit: 'ms' } }
}

function errorOf({ outcome, failure, status }: RequestRecord) {
  if (outcome === 'ok') return null
  if (outcome === 'left') return { code: CANCELLED_CODE, type: 'cancelled', message: 'client disconnected' }
  const message = failure?.detail ?? 'refused'
  return { code: status === 0 ? null : status, type: failure?.kind ?? 'refused', message }
}

/** A whole number with microsecond resolution, which is that of the measurement and of a double. */
function nsOf(unixMs: number): number {
  return Math.round(unixMs * 1000) * 1000
}
