/** Expectations of a scenario, each with the measured value and the limit. Pure. */

import type { EngineCounters } from '../environment/fleet/messages.ts'
import type { LoadResult } from '../load/records/result.ts'

export interface Expectation {
  readonly name: string
  readonly measured: string
  readonly expected: string
  readonly holds: boolean
}

export function atLeast(name: string, measured: number, expected: number, unit = ''): Expectation {
  return {
    name,
    measured: `${round(measured)}${unit}`,
    expected: `>= ${round(expected)}${unit}`,
    holds: measured >= expected,
  }
}

export function atMost(name: string, measured: number, expected: number, unit = ''): Expectation {
  return {
    name,
    measured: `${round(measured)}${unit}`,
    expected: `<= ${round(expected)}${unit}`,
    holds: measured <= expected,
  }
}

/** Number of requests whose clients stayed to the end. */
function stayedOf({ records }: LoadResult): number {
  return records.filter(({ outcome }) => outcome !== 'left').length
}

/** Percentage of correct responses among the requests whose clients stayed; requests without a record count as lost. */
export function successPercent(result: LoadResult): number {
  const lost = result.plan.durationMs === undefined ? result.plan.requests - result.records.length : 0
  const good = result.records.filter(({ outcome }) => outcome === 'ok').length
  const all = stayedOf(result) + lost
  return all === 0 ? 0 : (100 * good) / all
}

/** Number of responses that stalled or timed out. */
export function hangsOf({ records }: LoadResult): number {
  return records.filter(({ failure }) => failure?.kind === 'stall' || failure?.kind === 'timeout').length
}

/** Legs received per request, of the role that received more. */
export function amplification(engines: readonly EngineCounters[], requests: number): number {
  const receivedBy = (role: EngineCounters['role']) =>
    engines.filter(engine => engine.role === role).reduce((sum, { received }) => sum + received, 0)
  return Math.max(receivedBy('prefill'), receivedBy('decode')) / requests
}

/** Which engines still run requests, such as ` (prefill 0: 3, decode 1: 1)`; empty if none do. */
export function runningText(engines: readonly EngineCounters[]): string {
  const busy = engines.flatMap(({ role, running }, index) =>
    running === 0 ? [] : [`${role} ${index}: ${running}`],
  )
  return busy.length === 0 ? '' : ` (${busy.join(', ')})`
}

export function runningOf(engines: readonly EngineCounters[]): number {
  return engines.reduce((sum, { running }) => sum + running, 0)
}

/** The most requests beyond its capacity that an engine held at once. */
export function maxOverCapacity(engines: readonly EngineCounters[]): number {
  return Math.max(0, ...engines.map(({ peakRunning, capacity }) => peakRunning - capacity))
}

/** Malformed refusals, by what they lack. */
export function badRefusals({ records }: LoadResult): readonly string[] {
  return records.flatMap(({ badRefusal }) => badRefusal ?? [])
}

/** Correct responses per second that ended between two times, in milliseconds from the start. */
export function goodputPerSecond({ records }: LoadResult, fromMs: number, toMs: number): number {
  const good = records.filter(({ outcome, endMs }) => outcome === 'ok' && endMs >= fromMs && endMs < toMs)
  return (good.length * 1000) / (toMs - fromMs)
}

/** The longest latency of a response. */
export function slowestMs({ records }: LoadResult): number {
  return records.reduce((max, { sentMs, endMs }) => Math.max(max, endMs - sentMs), 0)
}

const OPENED = /^pdgw_engine_breaker_transitions_total\{engine="([^"]+)",role="([^"]+)",to="open"\} (\d+)$/gm

/** Engines whose breaker has opened, of the role with more of them. `metrics` is Prometheus text. */
export function openBreakersPerRole(metrics: string): number {
  const roles = [...metrics.matchAll(OPENED)]
    .filter(([, , , count]) => Number(count) > 0)
    .map(match => match[2])
  return Math.max(0, ...roles.map(role => roles.filter(candidate => candidate === role).length))
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
