/** The HTML page of a run. Pure except for reading its assets. */

import { bestOf, conclusionOf } from '../conclusion.ts'
import { counted } from '../figures.ts'
import type { Level, Report } from '../schema.ts'
import { dateText, documentOf, plotFigure, plotGrid } from './document.ts'
import { definitions, tiles } from './facts.ts'
import { levelPlots } from './level-plots.ts'
import { html, type Markup } from './markup.ts'
import type { PlotSpec } from './plot-spec.ts'
import { runFacts, runTiles, sum } from './run-facts.ts'
import { histogramPlot, percentilePlot } from './shape-plots.ts'
import { expectationsTable, failuresTable, levelsTable, timesTable } from './tables.ts'
import { inFlightPlot, latencyOverTimePlot, throughputPlot } from './time-plots.ts'

export function runPage(report: Report): string {
  const { levels, command, target, startedAt } = report
  const runPlots = named([
    ...(levels.length > 1 ? levelPlots(levels) : []),
    throughputPlot(levels),
    inFlightPlot(levels),
    latencyOverTimePlot(levels),
  ])
  const shapePlots = levels.map(shapePlotsOf)
  return documentOf({
    title: `${command}: ${counted(sum(levels, 'sent'), 'request')} to ${target}`,
    eyebrow: `pd-gateway bench ${command} · ${dateText(startedAt)}`,
    conclusion: conclusionOf(report),
    contents: [
      tiles(runTiles(levels)),
      ...expectationsSection(report),
      ...failures(levels),
      html`<h2>Over the run</h2>\n`,
      plotGrid(Object.entries(runPlots).map(([name, { title }]) => plotFigure(name, title))),
      ...shapes(levels, shapePlots[0] ?? []),
      ...figures(levels),
      html`<h2>Settings</h2>\n`,
      definitions(runFacts(report)),
    ],
    plots: { ...runPlots, ...namedByLevel(shapePlots) },
  })
}

function shapePlotsOf(level: Level): readonly PlotSpec[] {
  const { shapes: shape, isStream } = level
  const latency = { title: 'Latency', colour: 'first', counted: 'requests' } as const
  const ttft = { title: 'Time to first token (TTFT)', colour: 'second', counted: 'requests' } as const
  const itl = { title: 'Between tokens (ITL)', colour: 'third', counted: 'tokens' } as const
  const streamed = isStream ? [histogramPlot(shape.ttft, ttft), histogramPlot(shape.itl, itl)] : []
  return [percentilePlot(level), histogramPlot(shape.latency, latency), ...streamed]
}

function named(plots: readonly PlotSpec[]): Record<string, PlotSpec> {
  return Object.fromEntries(plots.map((plot, index) => [`run-${index}`, plot]))
}

function namedByLevel(levels: readonly (readonly PlotSpec[])[]): Record<string, PlotSpec> {
  return Object.fromEntries(
    levels.flatMap((plots, level) => plots.map((plot, index) => [`level-${level}-${index}`, plot] as const)),
  )
}

/** The distributions of one level; with several levels, of the selected one. */
function shapes(levels: readonly Level[], plots: readonly PlotSpec[]): readonly Markup[] {
  const best = levels.indexOf(bestOf(levels))
  const options = levels.map(({ name }, index) =>
    index === best
      ? html`<option value="${index}" selected>${name}</option>`
      : html`<option value="${index}">${name}</option>`,
  )
  const choice = levels.length > 1 ? html` <label class="note">of <select>${options}</select></label>` : ''
  return [
    html`<h2>Distributions${choice}</h2>\n`,
    plotGrid(plots.map(({ title }, index) => plotFigure(`level-*-${index}`, title))),
  ]
}

function expectationsSection({ expectations }: Report): readonly Markup[] {
  return expectations.length === 0 ? [] : [html`<h2>Expectations</h2>\n`, expectationsTable(expectations)]
}

function failures(levels: readonly Level[]): readonly Markup[] {
  const hasAny = levels.some(level => Object.keys(level.failures).length > 0)
  return hasAny ? [html`<h2>Failures</h2>\n`, failuresTable(levels)] : []
}

function figures(levels: readonly Level[]): readonly Markup[] {
  const [only] = levels
  if (levels.length > 1) return [html`<h2>Levels</h2>\n`, levelsTable(levels)]
  // Truncated streams have times between tokens, but no other times.
  const hasTimes = only !== undefined && (only.latencyMs ?? only.itlMs) !== null
  return hasTimes ? [html`<h2>Times</h2>\n`, timesTable(only)] : []
}
