/** Statistics of samples, and the shape of their distribution for a plot. Pure. */
import { percentileOf, sorted, statisticsOf } from './percentiles.ts'
import type { Distribution, Shape } from './schema.ts'

const MAX_BINS = 40
const MIN_BINS = 8
/** Narrowest width of a histogram; samples that lie closer together share one bin. */
const MIN_WIDTH_MS = 0.01
/** Above this ratio of maximum to median, bins grow with the value; otherwise most samples would share one bin. */
const LONG_TAIL = 5
/** Denser towards the end, because the tail matters most. */
const PERCENTS = [
  0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 98.5, 99,
  99.25, 99.5, 99.75, 99.9, 99.95, 99.99, 100,
]

export function distributionOf(samples: Iterable<number>): { figures: Distribution | null; shape: Shape } {
  const ordered = sorted(samples)
  if (ordered.length === 0) return { figures: null, shape: { quantilesMs: [], edgesMs: [], counts: [] } }
  const atPercent = (percent: number) => percentileOf(ordered, percent)
  const tail = {
    p50: atPercent(50),
    p75: atPercent(75),
    p90: atPercent(90),
    p95: atPercent(95),
    p99: atPercent(99),
    p999: atPercent(99.9),
  }
  return { figures: { ...statisticsOf(ordered), ...tail }, shape: shapeOf(ordered) }
}

function shapeOf(ordered: Float64Array): Shape {
  const quantilesMs = PERCENTS.map((percent): [number, number] => [
    percent,
    microseconds(percentileOf(ordered, percent)),
  ])
  const edgesMs = edgesOf(ordered)
  return { quantilesMs, edgesMs, counts: countsBetween(ordered, edgesMs) }
}

function edgesOf(ordered: Float64Array): number[] {
  const [min = 0, max = 0] = [ordered[0], ordered.at(-1)]
  if (max - min < MIN_WIDTH_MS) return [microseconds(min * 0.9), microseconds(max * 1.1 + MIN_WIDTH_MS)]
  const middle = percentileOf(ordered, 50)
  const isLong = min > 0 && max > LONG_TAIL * middle
  const edgeAt = (share: number) => (isLong ? min * (max / min) ** share : min + (max - min) * share)
  // With only a sample or two per bin the histogram would be jagged.
  const bins = Math.min(MAX_BINS, Math.max(MIN_BINS, Math.round(1.5 * Math.sqrt(ordered.length))))
  const edges = Array.from({ length: bins + 1 }, (_, bin) => microseconds(edgeAt(bin / bins)))
  return edges.filter((edge, index) => index === 0 || edge > (edges[index - 1] ?? 0))
}

/** Samples that rounding left outside of the edges count in the first and the last bin. */
function countsBetween(ordered: Float64Array, edges: readonly number[]): number[] {
  const counts = Array.from({ length: edges.length - 1 }, () => 0)
  let bin = 0
  for (const sample of ordered) {
    while (bin < counts.length - 1 && sample >= (edges[bin + 1] ?? Infinity)) bin++
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
