/** Plots of the distributions of a level's times. Pure. */
import { figure } from '../figures.ts'
import type { Level, Shape } from '../schema.ts'
import type { Axis, PlotSpec, Series } from './plot-spec.ts'

/** Bins that grow by more than this factor are drawn on a logarithmic axis, where they are equally wide. */
const GROWN = 1.5
const TAIL_TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999]

export interface HistogramOptions {
  readonly title: string
  readonly colour: Series['colour']
  /** Name of what is counted. */
  readonly counted: string
}

export function histogramPlot(shape: Shape, { title, colour, counted }: HistogramOptions): PlotSpec {
  const { edgesMs, counts } = shape
  const [min = 0, max = 0] = [edgesMs[0], edgesMs.at(-1)]
  const isWide = widthOf(edgesMs, edgesMs.length - 2) > GROWN * widthOf(edgesMs, 0)
  const names = edgesMs.map((edge, bin) => `${figure(edge)} to ${figure(edgesMs[bin + 1] ?? edge)} ms`)
  const series = { label: counted, unit: '', colour, draw: 'steps', isFilled: true } as const
  return {
    title,
    x: isWide ? { label: 'ms (logarithmic)', ticks: logarithmicTicks(min, max) } : { label: 'ms' },
    y: { label: counted },
    xs: isWide ? edgesMs.map(edge => Math.log10(edge)) : edgesMs,
    xNames: names,
    // The last value is repeated, so that the last bin is drawn to its end.
    series: [{ ...series, values: [...counts, ...counts.slice(-1)] }],
  }
}

function widthOf(edges: readonly number[], bin: number): number {
  return (edges[bin + 1] ?? 0) - (edges[bin] ?? 0)
}

/** Percentiles on an axis on which each further nine takes the same space. */
export function percentilePlot({ shapes, latencyMs, ttftMs, itlMs }: Level): PlotSpec {
  const curves = [
    { label: 'latency', colour: 'first', points: tailPoints(shapes.latency, latencyMs?.count) },
    { label: 'TTFT', colour: 'second', points: tailPoints(shapes.ttft, ttftMs?.count) },
    { label: 'ITL', colour: 'third', points: tailPoints(shapes.itl, itlMs?.count) },
  ] as const
  const drawn = curves.filter(({ points }) => points.size > 0)
  const names = new Map(drawn.flatMap(({ points }) => [...points].map(([x, { name }]) => [x, name] as const)))
  const xs = [...names.keys()].toSorted((a, b) => a - b)
  return {
    title: 'Percentiles',
    x: tailAxis(xs.at(-1) ?? 0),
    y: { label: 'ms' },
    xs,
    xNames: xs.map(x => names.get(x) ?? ''),
    series: drawn.map(({ label, colour, points }) => ({
      label,
      colour,
      unit: ' ms',
      draw: 'line',
      values: xs.map(x => points.get(x)?.ms ?? null),
    })),
  }
}

interface Point {
  readonly ms: number
  readonly name: string
}

/** Percentiles that need more samples than there are are left out; the largest sample ends the curve. */
function tailPoints({ quantilesMs }: Shape, count = 0): ReadonlyMap<number, Point> {
  const last = Math.max(Math.log10(count), 0.01)
  const inside = quantilesMs.filter(([percent]) => positionOf(percent) < last)
  const largest = quantilesMs.at(-1)
  return new Map<number, Point>([
    ...inside.map(([percent, ms]) => [positionOf(percent), { ms, name: `p${percent}` }] as const),
    ...(largest === undefined ? [] : [[last, { ms: largest[1], name: 'largest' }] as const]),
  ])
}

function tailAxis(last: number): Axis {
  const ticks = TAIL_TICKS.filter(percent => positionOf(percent) <= last).map(percent => ({
    position: positionOf(percent),
    label: percent === 0 ? 'min' : `p${percent}`,
  }))
  return { label: 'percentile', ticks }
}

function positionOf(percentile: number): number {
  return -Math.log10(1 - percentile / 100)
}

function logarithmicTicks(min: number, max: number): { position: number; label: string }[] {
  const firstDecade = Math.floor(Math.log10(min))
  const decades = Array.from(
    { length: Math.ceil(Math.log10(max)) - firstDecade + 1 },
    (_, index) => 10 ** (firstDecade + index),
  )
  return decades
    .flatMap(decade => [1, 2, 5].map(step => step * decade))
    .filter(ms => ms >= min && ms <= max)
    .map(ms => ({ position: Math.log10(ms), label: String(Number(ms.toPrecision(1))) }))
}
