/** The HTML page of a comparison. Pure except for reading its assets. */

import { METRIC_FORMATS, metricText, ratioText } from '../compare-metrics.ts'
import {
  COMPARE_METRICS,
  type CompareMetric,
  type CompareReport,
  type Difference,
} from '../compare-schema.ts'
import { whole } from '../figures.ts'
import { compareConclusion, outcomeOf } from './compare-conclusion.ts'
import { dateText, documentOf, plotFigure, plotGrid } from './document.ts'
import { definitions } from './facts.ts'
import { intervalMarkup, scaleMarkup, spanOf } from './interval.ts'
import { html, type Markup } from './markup.ts'
import type { PlotSpec } from './plot-spec.ts'
import { type Cell, table } from './tables.ts'

const COLOURS = ['first', 'second', 'third', 'fourth'] as const
const RESULTS = { better: 'better', worse: 'worse', none: 'none shown' }
const KINDS = { better: 'good', worse: 'bad', none: '' } as const

export function comparePage(report: CompareReport): string {
  const { targets, startedAt, differences } = report
  const metrics = COMPARE_METRICS.filter(metric => report.rounds.some(round => round[metric] !== undefined))
  const plots = Object.fromEntries(metrics.map(metric => [metric, roundsPlot(report, metric)]))
  return documentOf({
    title: `compare: ${targets.map(({ name }) => name).join(' and ')}`,
    eyebrow: `pd-gateway bench compare · ${dateText(startedAt)}`,
    conclusion: compareConclusion(report),
    contents: [
      ...pairTables(differences),
      html`<h2>Round by round</h2>\n`,
      plotGrid(metrics.map(metric => plotFigure(metric, plots[metric]?.title ?? metric))),
      html`<h2>Settings</h2>\n`,
      definitions(factsOf(report)),
    ],
    plots,
  })
}

function pairTables(differences: readonly Difference[]): readonly Markup[] {
  const span = spanOf(differences)
  const pairs = Object.entries(Object.groupBy(differences, ({ base, target }) => `${target} against ${base}`))
  const tables = pairs.flatMap(([pair, own = []]) => [html`<h2>${pair}</h2>\n`, pairTable(own, span)])
  if (tables.length === 0) return []
  return [
    ...tables,
    html`<p class="note">Medians over the blocks; the bar is the interval of the change, all intervals hold together with
95% confidence. They apply to these processes: even two processes of the same program differ a little.</p>\n`,
  ]
}

function pairTable(differences: readonly Difference[], span: number): Markup {
  const [first] = differences
  const heads = [
    '',
    first?.base ?? '',
    first?.target ?? '',
    'change',
    'from',
    'to',
    scaleMarkup(span),
    'difference',
  ]
  return table(
    heads,
    differences.map(difference => differenceRow(difference, span)),
  )
}

function differenceRow(difference: Difference, span: number): readonly (string | Cell)[] {
  const { metric, baseMedian, targetMedian, ratio } = difference
  const outcome = outcomeOf(difference)
  const change = ratio === undefined ? ['–', '–', '–'] : [ratio.median, ratio.low, ratio.high].map(ratioText)
  return [
    METRIC_FORMATS[metric].label,
    metricText(metric, baseMedian),
    metricText(metric, targetMedian),
    ...change,
    { text: intervalMarkup(difference, outcome, span) },
    { text: RESULTS[outcome], kind: KINDS[outcome] },
  ]
}

/** One line per target, with a point per round. */
function roundsPlot({ rounds, targets }: CompareReport, metric: CompareMetric): PlotSpec {
  const { label, unit, divisor, isMoreBetter } = METRIC_FORMATS[metric]
  const series = targets.map(({ name }, index) => ({
    label: name,
    unit,
    colour: COLOURS[index % COLOURS.length] ?? 'first',
    draw: 'line' as const,
    values: rounds.map(round => (round.target === name ? scaled(round[metric], divisor) : null)),
  }))
  return {
    title: `${label} (${isMoreBetter ? 'more' : 'less'} is better)`,
    x: {
      label: 'round',
      ticks: rounds.map(({ index }) => ({ position: index + 1, label: String(index + 1) })),
    },
    y: { label: unit.trim(), isTight: metric !== 'successPercent' },
    xs: rounds.map(({ index }) => index + 1),
    series,
  }
}

function scaled(value: number | undefined, divisor: number): number | null {
  return value === undefined ? null : value / divisor
}

function factsOf({ targets, rounds, load }: CompareReport): (readonly [string, string])[] {
  const processes = targets.map(
    ({ name, url, pid }) => [name, pid === undefined ? url : `${url}, process ${pid}`] as const,
  )
  return [
    ...processes,
    ['rounds', `${rounds.length}, in turn, ${whole(load.requestsPerRound)} requests each`],
    ['endpoint', `${load.endpoint}, ${load.isStream ? 'streamed' : 'not streamed'}`],
    ['arrivals', `closed, concurrency ${load.concurrency}`],
    ['connections', load.connectionMode],
    ['processes', String(load.processes)],
    ['tokens', load.areTokensChecked ? 'every token compared with the expected one' : 'not compared'],
  ]
}
