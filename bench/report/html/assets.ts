/** Assets of a page: uPlot, the script that draws with it, and the style sheets. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Markup } from './markup.ts'

const PLOT_STYLE = import.meta.resolve('uplot/dist/uPlot.min.css')
const PLOT_SCRIPT = import.meta.resolve('uplot/dist/uPlot.iife.min.js')
const STYLE = new URL('style.css', import.meta.url)
const SCRIPT = new URL('client/draw.js', import.meta.url)

export function styleMarkup(): Markup {
  return new Markup(`<style>${textOf(PLOT_STYLE)}${textOf(STYLE)}</style>`)
}

export interface Scripts {
  readonly markup: Markup
  /** Hashes for a content security policy that allows only these scripts. */
  readonly hashes: readonly string[]
}

export function scripts(): Scripts {
  // The braces keep the names of the script local.
  const texts = [textOf(PLOT_SCRIPT), `{${textOf(SCRIPT)}}`]
  return {
    markup: new Markup(texts.map(text => `<script>${text}</script>`).join('\n')),
    hashes: texts.map(text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`),
  }
}

function textOf(url: string | URL): string {
  return readFileSync(fileURLToPath(url), 'utf8')
}
