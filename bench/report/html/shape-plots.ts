/** Plots of how the times of a level are distributed. Pure. */
import { figure } from '../figures.ts'
import type { Level, Shape } from '../schema.ts'
import type { Axis, PlotSpec, Series } from './plot-spec.ts'

/** Bins that grow so much are drawn over a logarithmic axis, on which they look alike. */
const GROWN = 1.5
const TAIL_TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999]

export interface HistogramOptions {
  readonly title: string
  readonly colour: Series['colour']
  /** What is counted. */
  readonly counted: string
}

export function histogramPlot(shape: Shape, { title, colour, counted }: HistogramOptions): PlotSpec {
  const { edgesMs, counts } = shape
  const [least = 0, most = 0] = [edgesMs[0], edgesMs.at(-1)]
  const isWide = widthOf(edgesMs, edgesMs.length - 2) > GROWN * widthOf(edgesMs, 0)
  const names = edgesMs.map((edge, at) => `${figure(edge)} to ${figure(edgesMs[at + 1] ?? edge)} ms`)
  const series = { label: counted, unit: '', colour, draw: 'steps', isFilled: true } as const
  return {
    title,
    x: isWide ? { label: 'ms (logarithmic)', ticks: logarithmicTicks(least, most) } : { label: 'ms' },
    y: { label: counted },
    xs: isWide ? edgesMs.map(edge => Math.log10(edge)) : edgesMs,
    xNames: names,
    // The last edge repeats the last bin, so that it is drawn to its end.
    series: [{ ...series, values: [...counts, ...counts.slice(-1)] }],
  }
}

function widthOf(edges: readonly number[], bin: number): number {
  return (edges[bin + 1] ?? 0) - (edges[bin] ?? 0)
}

/** Percentiles over an axis on which each nine takes the same room. */
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

/** Nothing is said of a percentile that is beyond the samples; the largest stands where the last one ends. */
function tailPoints({ quantilesMs }: Shape, count = 0): ReadonlyMap<number, Point> {
  const last = Math.max(Math.log10(count), 0.01)
  const inside = quantilesMs.filter(([at]) => placeOf(at) < last)
  const largest = quantilesMs.at(-1)
  return new Map<number, Point>([
    ...inside.map(([at, ms]) => [placeOf(at), { ms, name: `p${at}` }] as const),
    ...(largest === undefined ? [] : [[last, { ms: largest[1], name: 'largest' }] as const]),
  ])
}

function tailAxis(last: number): Axis {
  const ticks = TAIL_TICKS.filter(at => placeOf(at) <= last).map(at => ({
    at: placeOf(at),
    label: at === 0 ? 'least' : `p${at}`,
  }))
  return { label: 'percentile', ticks }
}

function placeOf(percentile: number): number {
  return -Math.log10(1 - percentile / 100)
}

function logarithmicTicks(least: number, most: number): { at: number; label: string }[] {
  const decades = Array.from(
    { length: Math.ceil(Math.log10(most)) - Math.floor(Math.log10(least)) + 1 },
    (_, at) => 10 ** (Math.floor(Math.log10(least)) + at),
  )
  return decades
    .flatMap(decade => [1, 2, 5].map(step => step * decade))
    .filter(ms => ms >= least && ms <= most)
    .map(ms => ({ at: Math.log10(ms), label: String(Number(ms.toPrecision(1))) }))
}
