/** Plots of a run over time; levels follow each other on one axis. Pure. */
import type { Level, Timeline } from '../schema.ts'
import type { PlotSpec, Series } from './plot-spec.ts'

type Column = Exclude<keyof Timeline, 'stepSeconds'>

const X = { label: 'seconds from the start' }

export function throughputPlot(levels: readonly Level[]): PlotSpec {
  const series: readonly Series[] = [
    {
      label: 'correct',
      unit: '/s',
      colour: 'first',
      draw: 'steps',
      isFilled: true,
      values: columnOf(levels, 'correctPerSecond'),
    },
    {
      label: 'failed or refused',
      unit: '/s',
      colour: 'bad',
      draw: 'steps',
      values: columnOf(levels, 'errorsPerSecond'),
    },
    {
      label: 'output tokens',
      unit: '/s',
      colour: 'second',
      draw: 'steps',
      isRight: true,
      values: columnOf(levels, 'outputTokensPerSecond'),
    },
  ]
  return {
    title: 'Throughput',
    x: X,
    y: { label: 'requests/s' },
    right: { label: 'tokens/s' },
    xs: edges(levels),
    series: series.filter(({ colour, values }) => isShown(colour, values, levels)),
  }
}

/** Tokens are shown for streams only: otherwise their line would just repeat that of the responses. */
function isShown(colour: Series['colour'], values: Series['values'], levels: readonly Level[]): boolean {
  if (colour === 'first') return true
  if (colour === 'second' && !levels.some(({ isStream }) => isStream)) return false
  return values.some(value => (value ?? 0) > 0)
}

export function inFlightPlot(levels: readonly Level[]): PlotSpec {
  const values = columnOf(levels, 'inFlight')
  const series = {
    label: 'in flight',
    unit: '',
    colour: 'third',
    draw: 'steps',
    isFilled: true,
    values,
  } as const
  return { title: 'Requests in flight', x: X, y: { label: 'requests' }, xs: edges(levels), series: [series] }
}

export function latencyOverTimePlot(levels: readonly Level[]): PlotSpec {
  const all = (column: Column) => levels.flatMap(({ timeline }) => timeline[column])
  const line = { unit: ' ms', draw: 'line' } as const
  return {
    title: 'Latency over time',
    x: X,
    y: { label: 'ms' },
    xs: levels.flatMap(level => startsOf(level, levels).map(start => start + level.timeline.stepSeconds / 2)),
    series: [
      { ...line, label: 'p50', colour: 'first', values: all('latencyP50Ms') },
      { ...line, label: 'p99', colour: 'second', values: all('latencyP99Ms') },
    ],
  }
}

/** Each level gets an extra value at its end, where the next level has not started yet. */
function columnOf(levels: readonly Level[], column: Column): (number | null)[] {
  return levels.flatMap(({ timeline }) => [
    ...timeline[column],
    levels.length > 1 ? null : (timeline[column].at(-1) ?? null),
  ])
}

function edges(levels: readonly Level[]): number[] {
  return levels.flatMap(level => {
    const starts = startsOf(level, levels)
    return [...starts, (starts.at(-1) ?? 0) + level.timeline.stepSeconds]
  })
}

function startsOf({ startedAt, timeline }: Level, [first]: readonly Level[]): number[] {
  const offset = (Date.parse(startedAt) - Date.parse(first?.startedAt ?? startedAt)) / 1000
  return timeline.inFlight.map((_, step) => offset + step * timeline.stepSeconds)
}
