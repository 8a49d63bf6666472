/** Rows and table of the speed bench, and which rows miss their goal. Pure. */
import { alignedText } from '../../report/aligned-text.ts'
import { costUs, isValid, ratioOf, type Sample, type Spread, spreadOf } from '../costs/ratio.ts'
import { GATEWAY } from '../loads/names.ts'
import { isStream, type WrkShape } from '../loads/wrk-loads.ts'
import { BASELINE } from '../start/router-list.ts'

export interface SpeedRow {
  readonly load: string
  readonly target: string
  readonly unit: 'request' | 'chunk'
  readonly costUs: Spread
  /** Cost over that of two haproxy hops for a request, one for a chunk; undefined for haproxy itself. */
  readonly ratio: Spread | undefined
  readonly goal: number | undefined
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMib: number
  readonly errors: number
  readonly isValid: boolean
}

/** A target without samples has no row. */
export function speedRowsOf(
  shape: WrkShape,
  samples: ReadonlyMap<string, readonly Sample[]>,
): readonly SpeedRow[] {
  const base = samples.get(BASELINE) ?? []
  return [...samples]
    .filter(([, own]) => own.length > 0)
    .map(([target, own]) => {
      const median = (value: (sample: Sample) => number) => spreadOf(own.map(value)).median
      return {
        load: shape.name,
        target,
        unit: isStream(shape) ? 'chunk' : 'request',
        costUs: spreadOf(own.map(costUs)),
        ratio: target === BASELINE ? undefined : ratioOf(own, base, isStream(shape) ? 1 : 2),
        goal: target === GATEWAY ? shape.goal : undefined,
        requestsPerSecond: median(sample => sample.requestsPerSecond),
        p50Ms: median(sample => sample.p50Ms),
        p99Ms: median(sample => sample.p99Ms),
        rssMib: median(sample => sample.rssMib),
        errors: own.reduce((sum, sample) => sum + sample.errors, 0),
        isValid: isValid(own) && isValid(base) && base.length >= own.length,
      }
    })
}

/** Rows that miss their goal, or prove nothing because requests failed. */
export function missedRows(rows: readonly SpeedRow[]): readonly SpeedRow[] {
  return rows.filter(row => row.goal !== undefined && !(row.isValid && (row.ratio?.median ?? 0) <= row.goal))
}

const HEAD = ['load', 'target', 'us CPU', 'per', 'ratio (min-max)', 'goal', 'req/s', 'p50 ms', 'p99 ms']

export function speedTable(rows: readonly SpeedRow[]): string {
  return alignedText([[...HEAD, 'RSS MiB', 'errors'], ...rows.map(cellsOf)])
}

function cellsOf(row: SpeedRow): string[] {
  return [
    row.load,
    row.target,
    row.costUs.median.toFixed(1),
    row.unit,
    row.ratio === undefined ? '-' : spreadText(row.ratio),
    row.goal === undefined ? '-' : row.goal.toFixed(1),
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
