/** The conclusion of a comparison in a sentence or two. Pure. */

import { METRIC_FORMATS, metricText, ratioText } from '../compare-metrics.ts'
import type { CompareReport, Difference } from '../compare-schema.ts'
import type { Conclusion } from '../conclusion.ts'
import { percent } from '../figures.ts'

export type Outcome = 'better' | 'worse' | 'none'

/** How the target compares with the base; `none`: the interval contains zero. */
export function outcomeOf({ metric, absolute, holdsZero }: Difference): Outcome {
  if (holdsZero) return 'none'
  return absolute.median > 0 === METRIC_FORMATS[metric].isMoreBetter ? 'better' : 'worse'
}

export function compareConclusion({ differences, rounds, wasInterrupted }: CompareReport): Conclusion {
  const cut = wasInterrupted ? 'Interrupted. ' : ''
  const wrong = rounds.filter(({ successPercent }) => successPercent < 100)
  const worst = Math.min(100, ...rounds.map(({ successPercent }) => successPercent))
  const failures =
    wrong.length === 0
      ? ''
      : ` Not all responses were correct in ${wrong.length} of ${rounds.length} rounds (${percent(worst)} in the worst).`
  const limit = rounds.some(({ isGeneratorLimit }) => isGeneratorLimit)
    ? ' The load generator was saturated in some rounds and may be the limit instead of the targets; use more --processes.'
    : ''
  const kind = kindOf(differences)
  // A target is not good just because it is better than one that fails.
  return {
    kind: kind === 'good' && wrong.length > 0 ? 'open' : kind,
    sentence: `${cut}${shownText(differences)}${failures}${limit}`,
  }
}

function kindOf(differences: readonly Difference[]): Conclusion['kind'] {
  const outcomes = new Set(differences.map(outcomeOf))
  if (!outcomes.has('worse')) return outcomes.has('better') ? 'good' : 'open'
  return outcomes.has('better') ? 'open' : 'bad'
}

function shownText(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'Too few complete blocks to compare.'
  const shown = differences.filter(({ holdsZero }) => !holdsZero)
  if (shown.length === 0) return 'No difference was shown: every interval contains zero.'
  const pairs = Object.entries(Object.groupBy(shown, ({ base, target }) => `${target} against ${base}`))
  const texts = pairs.map(([pair, own = []]) => `${pair}: ${own.map(changeText).join(', ')}`)
  const rest = differences.length - shown.length
  return `${texts.join('; ')}.${rest === 0 ? '' : ` No difference was shown in ${rest} of ${differences.length} figures.`}`
}

function changeText(difference: Difference): string {
  const { metric, ratio, absolute } = difference
  const change = ratio === undefined ? metricText(metric, absolute.median) : ratioText(ratio.median)
  return `${METRIC_FORMATS[metric].label} ${change} (${outcomeOf(difference)})`
}
