/** Rows of the result, their table, and which of them miss their bar. Pure. */
import { alignedText } from '../../report/aligned-text.ts'
import { costUs, isValid, ratioOf, type Sample, type Spread, spreadOf } from '../costs/ratio.ts'
import { isStream, type Scenario } from '../loads/wrk-loads.ts'

/** The target that all others are set against. */
const BASE = 'haproxy'

export interface Row {
  readonly scenario: string
  readonly target: string
  readonly unit: 'request' | 'chunk'
  readonly costUs: Spread
  /** Against two haproxy hops for requests, one for chunks; `undefined` for haproxy itself. */
  readonly ratio: Spread | undefined
  readonly bar: number | undefined
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMib: number
  readonly errors: number
  readonly isValid: boolean
}

export function rowsOf(scenario: Scenario, samples: ReadonlyMap<string, readonly Sample[]>): Row[] {
  const base = samples.get(BASE) ?? []
  return [...samples].map(([target, own]) => {
    const middle = (value: (sample: Sample) => number) => spreadOf(own.map(value)).median
    return {
      scenario: scenario.name,
      target,
      unit: isStream(scenario) ? 'chunk' : 'request',
      costUs: spreadOf(own.map(costUs)),
      ratio: target === BASE ? undefined : ratioOf(own, base, isStream(scenario) ? 1 : 2),
      bar: target === 'gateway' ? scenario.bar : undefined,
      requestsPerSecond: middle(sample => sample.requestsPerSecond),
      p50Ms: middle(sample => sample.p50Ms),
      p99Ms: middle(sample => sample.p99Ms),
      rssMib: middle(sample => sample.rssMib),
      errors: own.reduce((sum, sample) => sum + sample.errors, 0),
      isValid: isValid(own) && isValid(base),
    }
  })
}

/** Rows that have a bar and are above it, or prove nothing because requests failed. */
export function missedRows(rows: readonly Row[]): Row[] {
  return rows.filter(row => row.bar !== undefined && !(row.isValid && (row.ratio?.median ?? 0) <= row.bar))
}

const HEAD = ['scenario', 'target', 'us CPU', 'of', 'ratio (min-max)', 'bar', 'req/s', 'p50 ms', 'p99 ms']

export function tableOf(rows: readonly Row[]): string {
  const lines = [[...HEAD, 'RSS MiB', 'errors'], ...rows.map(cellsOf)]
  return alignedText(lines)
}

function cellsOf(row: Row): string[] {
  return [
    row.scenario,
    row.target,
    row.costUs.median.toFixed(1),
    row.unit,
    row.ratio === undefined ? '-' : spreadText(row.ratio),
    row.bar === undefined ? '-' : row.bar.toFixed(1),
    row.requestsPerSecond.toFixed(0),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.rssMib.toFixed(0),
    row.isValid ? '0' : `${row.errors} INVALID`,
  ]
}

function spreadText(spread: Spread): string {
  return `${spread.median.toFixed(2)} (${spread.min.toFixed(2)}-${spread.max.toFixed(2)})`
}
