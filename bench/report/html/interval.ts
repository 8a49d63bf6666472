/** Draws the interval of a ratio: a bar from low to high, a dot at the median, and a line at ratio 1. */

import { ratioText } from '../compare-metrics.ts'
import type { Difference } from '../compare-schema.ts'
import type { Outcome } from './compare-conclusion.ts'
import { html, type Markup } from './markup.ts'

const WIDTH = 280
const MIDDLE = WIDTH / 2
/** Space at both ends, for dots. */
const MARGIN = 8
/** The scale spans at least this ratio, so that small differences do not look large. */
const MIN_SPAN = 1.05
/** The scale spans at most this ratio, so that one wide interval does not squeeze the others. */
const MAX_SPAN = 2

/** Logarithm of the largest ratio of a page: the common scale of all its intervals. */
export function spanOf(differences: readonly Difference[]): number {
  const ends = differences.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio.low, ratio.high]))
  const sizes = ends.filter(end => end > 0).map(end => Math.abs(Math.log(end)))
  return Math.min(Math.log(MAX_SPAN), Math.max(Math.log(MIN_SPAN), ...sizes))
}

export function intervalMarkup({ ratio }: Difference, outcome: Outcome, span: number): Markup {
  if (ratio === undefined) return html`<svg class="interval none" width="${WIDTH}" height="24"></svg>`
  const [low, median, high] = [ratio.low, ratio.median, ratio.high].map(bound => xOf(bound, span))
  const label = `${ratioText(ratio.low)} to ${ratioText(ratio.high)}`
  return html`<svg class="interval ${outcome}" width="${WIDTH}" height="24" role="img" aria-label="${label}"><line class="zero" x1="${MIDDLE}" x2="${MIDDLE}" y1="0" y2="24"/><line class="bar" x1="${low ?? 0}" x2="${high ?? 0}" y1="12" y2="12"/><circle cx="${median ?? 0}" cy="12" r="5"/></svg>`
}

/** The scale above the drawings. */
export function scaleMarkup(span: number): Markup {
  const ends = [-span, 0, span].map(end => ratioText(Math.exp(end)))
  return html`<svg class="interval" width="${WIDTH}" height="16" aria-hidden="true"><text x="${MARGIN}" y="12">${ends[0] ?? ''}</text><text x="${MIDDLE}" y="12" text-anchor="middle">same</text><text x="${WIDTH - MARGIN}" y="12" text-anchor="end">${ends[2] ?? ''}</text></svg>`
}

function xOf(ratio: number, span: number): number {
  const share = ratio <= 0 ? -1 : Math.log(ratio) / span
  return Math.round((MIDDLE + Math.max(-1, Math.min(1, share)) * (MIDDLE - MARGIN)) * 10) / 10
}
