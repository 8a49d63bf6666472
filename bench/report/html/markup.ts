/** HTML as a value of its own: what is put into a template is text, and escaped, unless it is markup already. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | readonly Markup[]

export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const texts = fixed.map((text, at) => text + textOf(parts[at] ?? ''))
  return new Markup(texts.join(''))
}

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return part.map(({ text }) => text).join('')
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, one => `&#${one.charCodeAt(0)};`)
}

/** Data for a script of the page: nothing in it ends the element that holds it. */
export function jsonMarkup(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', String.raw`\u003c`))
}
