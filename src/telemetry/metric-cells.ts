/**
 * Layout of the metric cells in a row of shared memory. It follows from the catalogue, the number of engines and the
 * number of buckets, so every thread computes the same plan.
 *
 *   counters · gauges · histograms (buckets, the unbounded bucket, sum) · engine counters, each [label value][slot]
 */
import type { MetricRoom } from '../shared/layout.ts'
import { ENGINE_COUNTERS } from './engine-counters.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from './metric-catalogue.ts'

export interface CellPlan {
  /** Metric -> label value -> cell. */
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Metric -> label value -> cell of slot 0. The other slots follow. */
  readonly engineCounters: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly gauges: ReadonlyMap<string, number>
  /** Metric -> cell of the first bucket. The unbounded bucket and the sum follow the last one. */
  readonly histograms: ReadonlyMap<string, number>
  /** First cell of the engine counters, which extend to the end of the row. */
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

/** Space that the metrics need in shared memory, for `createSharedMemory`. */
export function metricRoom(maxEngines: number, bucketsSecs: readonly number[]): MetricRoom {
  return { bucketsSecs, cellsPerRow: planCells(maxEngines, bucketsSecs.length).cellsPerRow }
}
