/** Facts on a page: tiles with the figures that matter most, and the list of what was asked for. Pure. */
import { html, type Markup } from './markup.ts'

export interface Tile {
  readonly label: string
  readonly figure: string
  /** Smaller, below it. */
  readonly note?: string
  readonly kind?: 'good' | 'bad'
}

export function tiles(all: readonly Tile[]): Markup {
  const items = all.map(
    ({ label, figure, note, kind }) =>
      html`<div><dt>${label}</dt><dd class="${kind ?? ''}">${figure}${note === undefined ? '' : html`<small>${note}</small>`}</dd></div>
`,
  )
  return html`<dl class="tiles">
${items}</dl>
`
}

export function asked(facts: readonly (readonly [string, string])[]): Markup {
  return html`<dl class="asked">
${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
`
}
