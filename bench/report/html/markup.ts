/** HTML as a type of its own: whatever is inserted into a template is escaped, unless it is markup already. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Markup | readonly Markup[]

export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const texts = fixed.map((text, index) => text + textOf(parts[index] ?? ''))
  return new Markup(texts.join(''))
}

function textOf(part: Part): string {
  if (part instanceof Markup) return part.text
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return part.map(({ text }) => text).join('')
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

/** JSON for a script of the page, escaped so that it cannot end the script element. */
export function jsonMarkup(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', String.raw`\u003c`))
}
