/** Figures of a set of samples, and its shape for a plot. Pure. */
import { percentileOf, sorted, statisticsOf } from '../load/percentiles.ts'
import type { Distribution, Shape } from './schema.ts'

const MOST_BINS = 40
const LEAST_BINS = 8
/** Of all bins together; less is one. */
const LEAST_WIDTH_MS = 0.01
/** A tail so much longer than the middle gets bins that grow with the value, or all else falls into one. */
const LONG_TAIL = 5
/** Denser towards the end: the tail is what people look at. */
const PERCENTS = [
  0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 98.5, 99,
  99.25, 99.5, 99.75, 99.9, 99.95, 99.99, 100,
]

export function distributionOf(samples: Iterable<number>): { figures: Distribution | null; shape: Shape } {
  const ordered = sorted(samples)
  if (ordered.length === 0) return { figures: null, shape: { quantilesMs: [], edgesMs: [], counts: [] } }
  const at = (percent: number) => percentileOf(ordered, percent)
  const tail = { p50: at(50), p75: at(75), p90: at(90), p95: at(95), p99: at(99), p999: at(99.9) }
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
  const [least = 0, most = 0] = [ordered[0], ordered.at(-1)]
  if (most - least < LEAST_WIDTH_MS)
    return [microseconds(least * 0.9), microseconds(most * 1.1 + LEAST_WIDTH_MS)]
  const middle = percentileOf(ordered, 50)
  const isLong = least > 0 && most > LONG_TAIL * middle
  const at = (share: number) => (isLong ? least * (most / least) ** share : least + (most - least) * share)
  // With a sample or two each, bins are a comb.
  const bins = Math.min(MOST_BINS, Math.max(LEAST_BINS, Math.round(1.5 * Math.sqrt(ordered.length))))
  const edges = Array.from({ length: bins + 1 }, (_, bin) => microseconds(at(bin / bins)))
  return edges.filter((edge, place) => place === 0 || edge > (edges[place - 1] ?? 0))
}

/** What rounding left outside of the first and the last edge counts in their bins. */
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
