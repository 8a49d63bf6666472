/** What a comparison has shown, in a sentence or two. Pure. */

import { METRIC_LOOKS, metricText, ratioText } from '../compare-metrics.ts'
import type { CompareReport, Difference } from '../compare-schema.ts'
import { percent } from '../figures.ts'
import type { Verdict } from '../conclusion.ts'

export type Outcome = 'better' | 'worse' | 'none'

/** Of the target against the base; `none`: the interval holds zero. */
export function outcomeOf({ metric, absolute, holdsZero }: Difference): Outcome {
  if (holdsZero) return 'none'
  return absolute.median > 0 === METRIC_LOOKS[metric].isMoreBetter ? 'better' : 'worse'
}

export function compareVerdict({ differences, rounds, wasInterrupted }: CompareReport): Verdict {
  const cut = wasInterrupted ? 'Interrupted. ' : ''
  const wrong = rounds.filter(({ successPercent }) => successPercent < 100)
  const least = Math.min(100, ...rounds.map(({ successPercent }) => successPercent))
  const failures =
    wrong.length === 0
      ? ''
      : ` Not all answers were right in ${wrong.length} of ${rounds.length} rounds (${percent(least)} in the worst).`
  const limit = rounds.some(({ isGeneratorLimit }) => isGeneratorLimit)
    ? ' The load generator was busy in some rounds: it may be the limit, not the targets; take more --processes.'
    : ''
  const kind = kindOf(differences)
  // A target that is better than one which fails is not good by that.
  return {
    kind: kind === 'good' && wrong.length > 0 ? 'open' : kind,
    sentence: `${cut}${shownText(differences)}${failures}${limit}`,
  }
}

function kindOf(differences: readonly Difference[]): Verdict['kind'] {
  const outcomes = new Set(differences.map(outcomeOf))
  if (!outcomes.has('worse')) return outcomes.has('better') ? 'good' : 'open'
  return outcomes.has('better') ? 'open' : 'bad'
}

function shownText(differences: readonly Difference[]): string {
  if (differences.length === 0) return 'Too few whole blocks have run to compare.'
  const shown = differences.filter(({ holdsZero }) => !holdsZero)
  if (shown.length === 0) return 'No difference was shown: every interval holds zero.'
  const pairs = Object.entries(Object.groupBy(shown, ({ base, target }) => `${target} against ${base}`))
  const texts = pairs.map(([pair, own = []]) => `${pair}: ${own.map(changeText).join(', ')}`)
  const rest = differences.length - shown.length
  return `${texts.join('; ')}.${rest === 0 ? '' : ` No difference was shown in ${rest} of ${differences.length} figures.`}`
}

function changeText(difference: Difference): string {
  const { metric, ratio, absolute } = difference
  const change = ratio === undefined ? metricText(metric, absolute.median) : ratioText(ratio.median)
  return `${METRIC_LOOKS[metric].label} ${change} (${outcomeOf(difference)})`
}
