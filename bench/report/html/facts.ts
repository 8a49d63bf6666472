/** Tiles with the main figures, and the list of settings. Pure. */
import { html, type Markup } from './markup.ts'

export interface Tile {
  readonly label: string
  readonly figure: string
  /** Small text below the figure. */
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

export function definitions(facts: readonly (readonly [string, string])[]): Markup {
  return html`<dl class="settings">
${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
`
}
