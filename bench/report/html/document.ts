/** A self-contained HTML page: it loads nothing, so it works offline from a file. */
import type { Conclusion } from '../conclusion.ts'
import { scripts, styleMarkup } from './assets.ts'
import { html, jsonMarkup, type Markup } from './markup.ts'
import type { PlotSpec } from './plot-spec.ts'

export interface Page {
  readonly title: string
  /** Line above the title: the command and the date. */
  readonly eyebrow: string
  readonly conclusion: Conclusion
  readonly contents: readonly Markup[]
  /** Plots by name; `plotFigure` refers to them. */
  readonly plots: Readonly<Record<string, PlotSpec>>
}

export function documentOf({ title, eyebrow, conclusion, contents, plots }: Page): string {
  const { markup, hashes } = scripts()
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${hashes.join(' ')}`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
${styleMarkup()}
</head>
<body>
<main>
<header>
<p class="eyebrow">${eyebrow}</p>
<h1>${title}</h1>
<p class="conclusion ${conclusion.kind}">${conclusion.sentence}</p>
</header>
${contents}
<noscript><p class="note">The plots need JavaScript. It is in this file; nothing is loaded.</p></noscript>
</main>
<script type="application/json" id="plots">${jsonMarkup(plots)}</script>
${markup}
</body>
</html>
`.text
}

/** The format is `2026-01-02 03:04:05 UTC`. */
export function dateText(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
}

/** A figure for the plot `name`; a star in the name stands for the selected level. */
export function plotFigure(name: string, title: string): Markup {
  return html`<figure class="plot"><h3>${title}</h3><div data-plot="${name}" role="img" aria-label="${title}"></div></figure>
`
}

export function plotGrid(figures: readonly Markup[]): Markup {
  return html`<div class="plots">
${figures}</div>
`
}
