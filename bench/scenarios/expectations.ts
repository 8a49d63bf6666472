/** What a scenario demands, as figures beside what was seen. Pure. */
import type { LoadResult } from '../load/result.ts'
import type { EngineCounters } from '../environment/fleet/messages.ts'

export interface Condition {
  readonly name: string
  readonly seen: string
  readonly wanted: string
  readonly holds: boolean
}

export function atLeast(name: string, seen: number, wanted: number, unit = ''): Condition {
  return { name, seen: `${round(seen)}${unit}`, wanted: `>= ${round(wanted)}${unit}`, holds: seen >= wanted }
}

export function atMost(name: string, seen: number, wanted: number, unit = ''): Condition {
  return { name, seen: `${round(seen)}${unit}`, wanted: `<= ${round(wanted)}${unit}`, holds: seen <= wanted }
}

/** Requests whose clients stayed. */
function stayedOf({ records }: LoadResult): number {
  return records.filter(({ outcome }) => outcome !== 'left').length
}

/** Good answers in a hundred of the requests whose clients stayed; requests without a record count as lost. */
export function successPercent(result: LoadResult): number {
  const lost = result.plan.durationMs === undefined ? result.plan.requests - result.records.length : 0
  const good = result.records.filter(({ outcome }) => outcome === 'ok').length
  const all = stayedOf(result) + lost
  return all === 0 ? 0 : (100 * good) / all
}

/** Answers that were silent or took for ever. */
export function hangsOf({ records }: LoadResult): number {
  return records.filter(({ failure }) => failure?.kind === 'stall' || failure?.kind === 'timeout').length
}

/** Legs that engines have received for each request, of the role that has received more. */
export function amplification(engines: readonly EngineCounters[], requests: number): number {
  const receivedBy = (role: EngineCounters['role']) =>
    engines.filter(engine => engine.role === role).reduce((sum, { received }) => sum + received, 0)
  return Math.max(receivedBy('prefill'), receivedBy('decode')) / requests
}

/** Whose they are, for whoever looks for them: ` (prefill 0: 3, decode 1: 1)`, or nothing. */
export function runningText(engines: readonly EngineCounters[]): string {
  const held = engines.flatMap(({ role, running }, at) =>
    running === 0 ? [] : [`${role} ${at}: ${running}`],
  )
  return held.length === 0 ? '' : ` (${held.join(', ')})`
}

export function runningOf(engines: readonly EngineCounters[]): number {
  return engines.reduce((sum, { running }) => sum + running, 0)
}

/** Most requests beyond its capacity that any engine held at a time. */
export function mostOverCapacity(engines: readonly EngineCounters[]): number {
  return Math.max(0, ...engines.map(({ peakRunning, capacity }) => peakRunning - capacity))
}

/** Refusals that a client cannot act on, by what is wrong with them. */
export function badRefusals({ records }: LoadResult): readonly string[] {
  return records.flatMap(({ badRefusal }) => badRefusal ?? [])
}

/** Good answers a second that ended within the stretch, milliseconds from the start. */
export function goodputPerSecond({ records }: LoadResult, fromMs: number, toMs: number): number {
  const good = records.filter(({ outcome, endMs }) => outcome === 'ok' && endMs >= fromMs && endMs < toMs)
  return (good.length * 1000) / (toMs - fromMs)
}

/** Longest time of an answer from its sending, ms. */
export function slowestMs({ records }: LoadResult): number {
  return records.reduce((most, { sentMs, endMs }) => Math.max(most, endMs - sentMs), 0)
}

const OPENED = /^pdgw_engine_breaker_transitions_total\{engine="([^"]+)",role="([^"]+)",to="open"\} (\d+)$/gm

/** Engines whose breaker has opened, of the role that has more of them; `metrics` is Prometheus text. */
export function openedARole(metrics: string): number {
  const roles = [...metrics.matchAll(OPENED)]
    .filter(([, , , count]) => Number(count) > 0)
    .map(match => match[2])
  return Math.max(0, ...roles.map(role => roles.filter(other => other === role).length))
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
