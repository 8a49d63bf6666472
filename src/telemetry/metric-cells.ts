/**
 * Where the cells of each metric lie in a row of shared memory. A plan is the same in every thread: it follows from
 * the catalogue, the number of engines and the number of buckets.
 *
 *   counters · gauges · histograms (buckets, the one above all, sum) · engine counters, [value][slot] each
 */
import type { MetricRoom } from '../shared/layout.ts'
import { COUNTERS, ENGINE_COUNTERS, GAUGES, HISTOGRAMS } from './metric-catalogue.ts'

export interface CellPlan {
  /** Metric -> value of its label -> cell. */
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Metric -> value of its label -> cell of slot 0; the other slots follow. */
  readonly engineCounters: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly gauges: ReadonlyMap<string, number>
  /** Metric -> first bucket; after the buckets the one without a bound, then the sum. */
  readonly histograms: ReadonlyMap<string, number>
  /** First of the engine counters' cells; they reach to the end. */
  readonly firstEngineCell: number
  readonly cellsPerRow: number
}

export function planCells(maxEngines: number, buckets: number): CellPlan {
  let next = 0
  const take = (cells: number): number => {
    const first = next
    next += cells
    return first
  }
  const labelled = (metrics: Labelled, cells: number) =>
    new Map(
      Object.entries(metrics).map(([name, { values }]) => [
        name,
        new Map(values.map(value => [value, take(cells)])),
      ]),
    )
  const counters = labelled(COUNTERS, 1)
  const gauges = new Map(Object.keys(GAUGES).map(name => [name, take(1)]))
  const histograms = new Map(Object.keys(HISTOGRAMS).map(name => [name, take(buckets + 2)]))
  const firstEngineCell = next
  const engineCounters = labelled(ENGINE_COUNTERS, maxEngines)
  return { counters, engineCounters, gauges, histograms, firstEngineCell, cellsPerRow: next }
}

type Labelled = Readonly<Record<string, { readonly values: readonly string[] }>>

/** For `createSharedMemory`. */
export function metricRoom(maxEngines: number, bucketsSecs: readonly number[]): MetricRoom {
  return { bucketsSecs, cellsPerRow: planCells(maxEngines, bucketsSecs.length).cellsPerRow }
}
