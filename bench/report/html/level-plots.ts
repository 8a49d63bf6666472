/** Plots that compare the levels of a run. Pure. */
import { z } from 'zod'
import type { Level } from '../schema.ts'
import type { Axis, PlotSpec } from './plot-spec.ts'

const closedSchema = z.object({ kind: z.literal('closed'), concurrency: z.number() })

export function levelPlots(levels: readonly Level[]): readonly PlotSpec[] {
  const base = axisOf(levels)
  const areAllCorrect = levels.every(({ successPercent }) => (successPercent ?? 100) === 100)
  return [throughput(levels, base), latency(levels, base), ...(areAllCorrect ? [] : [success(levels, base)])]
}

type Base = Pick<PlotSpec, 'x' | 'xs' | 'xNames'>

/** The x axis is the concurrency if it rises from level to level, otherwise the order of the levels. */
function axisOf(levels: readonly Level[]): Base {
  const concurrency = levels.map(({ arrivals }) => closedSchema.safeParse(arrivals).data?.concurrency ?? NaN)
  const isRising = concurrency.every((value, level) => level === 0 || value > (concurrency[level - 1] ?? NaN))
  const xNames = levels.map(({ name }) => name)
  if (isRising) return { x: { label: 'concurrent requests' }, xs: concurrency, xNames }
  const x: Axis = { label: 'level', ticks: xNames.map((label, position) => ({ position, label })) }
  return { x, xs: levels.map((_, level) => level), xNames }
}

function throughput(levels: readonly Level[], base: Base): PlotSpec {
  const values = levels.map(({ requestsPerSecond }) => requestsPerSecond)
  const series = { label: 'correct responses', unit: '/s', colour: 'first', draw: 'line', values } as const
  return { ...base, title: 'Throughput by level', y: { label: 'requests/s' }, series: [series] }
}

function latency(levels: readonly Level[], base: Base): PlotSpec {
  const line = { unit: ' ms', draw: 'line' } as const
  const valuesOf = (times: 'latencyMs' | 'ttftMs', which: 'p50' | 'p99') =>
    levels.map(level => level[times]?.[which] ?? null)
  const series = [
    { ...line, label: 'p50', colour: 'first', values: valuesOf('latencyMs', 'p50') },
    { ...line, label: 'p99', colour: 'second', values: valuesOf('latencyMs', 'p99') },
    { ...line, label: 'TTFT p50', colour: 'third', values: valuesOf('ttftMs', 'p50') },
    { ...line, label: 'TTFT p99', colour: 'fourth', values: valuesOf('ttftMs', 'p99') },
  ] as const
  const known = series.filter(({ values }) => values.some(value => value !== null))
  return { ...base, title: 'Latency by level', y: { label: 'ms' }, series: known }
}

function success(levels: readonly Level[], base: Base): PlotSpec {
  const correct = levels.map(({ successPercent }) => successPercent)
  const errors = levels.map(({ requests }) => requests.failed + requests.refused)
  return {
    ...base,
    title: 'Correct responses by level',
    y: { label: '% correct' },
    right: { label: 'requests' },
    series: [
      { label: 'correct', unit: '%', colour: 'third', draw: 'line', values: correct },
      { label: 'failed or refused', unit: '', colour: 'bad', draw: 'line', isRight: true, values: errors },
    ],
  }
}
