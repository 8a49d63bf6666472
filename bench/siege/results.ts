/** Figures and expectations of a siege. Pure. */
import type { LoadResult } from '../load/records/result.ts'
import { alignedText } from '../report/aligned-text.ts'
import { figure, whole } from '../report/figures.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'
import { atLeast, atMost, type Expectation } from '../scenarios/expectations.ts'
import { IDLE_PER_DESCRIPTOR } from './attacks/held-attacks.ts'
import type { AttackKind } from './attacks/kinds.ts'
import type { Tally } from './attacks/tally.ts'
import type { ChunkedResults } from './chunked-client.ts'
import type { Sightings } from './watch.ts'

/** A time with or without an attack. */
export interface Phase {
  readonly loads: readonly LoadResult[]
  readonly chunked: ChunkedResults
  readonly sightings: Sightings
}

export interface Siege {
  readonly calm: readonly Phase[]
  readonly attacked: readonly Phase[]
  /** What the attackers got, by round. */
  readonly tallies: readonly ReadonlyMap<AttackKind, Tally>[]
  readonly descriptorLimit: number
  /** Requests that were left on the engines at the end. */
  readonly left: number
  readonly isAlive: boolean
}

const MAX_ITL_RATIO = 3
const ITL_PERCENT = 99

/** Streams that were not answered in full, over the phases. */
function lostStreams(phases: readonly Phase[]): number {
  return recordsOf(phases).filter(({ outcome }) => outcome !== 'ok').length
}

/** In milliseconds, over all tokens of the phases. */
function itlMs(phases: readonly Phase[], percent: number): number {
  const all = phases.flatMap(({ loads }) => loads.map(load => load.itlMs))
  const joined = new Float64Array(all.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const values of all) {
    joined.set(values, at)
    at += values.length
  }
  return percentileOf(sorted(joined), percent)
}

export function siegeExpectations(siege: Siege): Expectation[] {
  const { calm, attacked, tallies, descriptorLimit, left, isAlive } = siege
  const idle = Math.min(...tallies.map(tally => tally.get('idle connections')?.opened ?? 0))
  return [
    atMost('honest streams lost in calm', lostStreams(calm), 0),
    atMost('honest streams lost under siege', lostStreams(attacked), 0),
    atMost(
      'honest chunked requests lost under siege',
      sumOf(attacked, ({ chunked }) => chunked.failed),
      0,
    ),
    atMost(
      'ITL p99 under siege over that in calm',
      itlMs(attacked, ITL_PERCENT) / itlMs(calm, ITL_PERCENT),
      MAX_ITL_RATIO,
    ),
    atMost(
      'health probes and scrapes missed',
      sumOf(attacked, ({ sightings }) => sightings.missed),
      0,
    ),
    atMost(
      'engines seen unhealthy',
      sumOf(attacked, ({ sightings }) => sightings.unhealthy),
      0,
    ),
    // Otherwise there was no siege.
    atLeast('idle connections that attackers opened in a round', idle, IDLE_PER_DESCRIPTOR * descriptorLimit),
    atMost('requests left on engines', left, 0),
    atMost('gateways that died', isAlive ? 0 : 1, 0),
  ]
}

/** One line about the last of the phases. */
export function phaseText(name: string, phases: readonly Phase[]): string {
  const last = phases.slice(-1)
  const { maxConnections = 0, maxRssMib = 0 } = last[0]?.sightings ?? {}
  const failures = failuresOf(last).map(text => `\n  ${text}`)
  return `${name}: ${whole(recordsOf(last).length)} streams, ${lostStreams(last)} lost, ITL p99 ${figure(itlMs(last, ITL_PERCENT))} ms, ${maxConnections} connections, ${whole(maxRssMib)} MiB${failures.join('')}\n`
}

/** The tables of the whole run. */
export function siegeText({ calm, attacked, tallies }: Siege): string {
  return `${alignedText([HEADINGS, row('calm', calm), row('siege', attacked)])}\n${attackText(tallies)}`
}

const HEADINGS = [
  '',
  'streams',
  'lost',
  'TTFT p99 ms',
  'ITL p50 ms',
  'p99',
  'p99.9',
  'max',
  'chunked',
  'lost',
  'probes',
  'missed',
  'slowest ms',
  'memory MiB',
]

function row(name: string, phases: readonly Phase[]): string[] {
  const ttft = recordsOf(phases).map(({ sentMs, firstTokenMs }) => (firstTokenMs ?? sentMs) - sentMs)
  return [
    name,
    whole(recordsOf(phases).length),
    whole(lostStreams(phases)),
    figure(percentileOf(sorted(ttft), 99)),
    ...[50, 99, 99.9, 100].map(percent => figure(itlMs(phases, percent))),
    whole(sumOf(phases, ({ chunked }) => chunked.answered)),
    whole(sumOf(phases, ({ chunked }) => chunked.failed)),
    whole(sumOf(phases, ({ sightings }) => sightings.rounds)),
    whole(sumOf(phases, ({ sightings }) => sightings.missed)),
    whole(Math.max(...phases.map(({ sightings }) => sightings.slowestMs))),
    whole(Math.max(...phases.map(({ sightings }) => sightings.maxRssMib))),
  ]
}

function attackText(tallies: Siege['tallies']): string {
  const kinds = [...new Set(tallies.flatMap(tally => [...tally.keys()]))]
  const lines = kinds.map(kind => {
    const own = tallies.flatMap(tally => tally.get(kind) ?? [])
    const count = (of: (tally: Tally) => number): string =>
      whole(own.reduce((sum, tally) => sum + of(tally), 0))
    return [
      kind,
      count(({ opened }) => opened),
      whole(Math.max(...own.map(({ peakOpen }) => peakOpen))),
      count(({ closed }) => closed),
      count(({ notOpened }) => notOpened),
      statusText(own),
    ]
  })
  return alignedText([['attackers', 'opened', 'most open', 'closed', 'not opened', 'responses'], ...lines])
}

function statusText(tallies: readonly Tally[]): string {
  const sums = new Map<string, number>()
  for (const { statuses } of tallies) {
    for (const [status, count] of Object.entries(statuses)) sums.set(status, (sums.get(status) ?? 0) + count)
  }
  const texts = [...sums]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([status, count]) => `${status}: ${whole(count)}`)
  return texts.length === 0 ? '-' : texts.join(', ')
}

/** The first few reasons why something honest failed. */
function failuresOf(phases: readonly Phase[]): string[] {
  const streams = recordsOf(phases)
    .filter(({ outcome }) => outcome !== 'ok')
    .map(
      ({ outcome, status, failure }) =>
        `${outcome} ${status} ${failure?.kind ?? ''} ${failure?.detail ?? ''}`,
    )
  const others = phases.flatMap(({ chunked, sightings }) => [chunked.firstFailure, sightings.firstMiss])
  return [...new Set([...streams.slice(0, 3), ...others])].filter(text => text !== '')
}

function recordsOf(phases: readonly Phase[]): LoadResult['records'] {
  return phases.flatMap(({ loads }) => loads.flatMap(({ records }) => records))
}

function sumOf(phases: readonly Phase[], of: (phase: Phase) => number): number {
  return phases.reduce((sum, phase) => sum + of(phase), 0)
}
