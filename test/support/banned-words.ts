/**
 * Words that must not appear in this project: a private vocabulary once stood where the field has terms of its own. The
 * terms to use are in the glossary of ARCHITECTURE.md.
 */

/** Parts of identifiers, in lower case: `newVisit` consists of `new` and `visit`. */
const IDENTIFIER_WORDS = new Set(
  `house visit visits told tell tells verdict verdicts judge judged guilty blame forgive suspect suspects spare spares
  look looks looked most least place places obituary trouble anew whoever`.split(/\s+/),
)

/** Names that may stay: a policy of the Rust routers, and plain English. */
const EXEMPT = /least_?load|at_?(?:most|least)/gi

const PROSE_WORDS = [
  'house|told|tells?|telling|verdicts?|judge[ds]?|guilty|blame[ds]?|forgiv(?:e|en|es)|suspects?|spare[ds]?|anew',
  'beside|whoever|for ever|of late|in place of|so many|be it|let go of|at the most|at the least',
]
const PROSE = new RegExp(String.raw`\b(?:${PROSE_WORDS.join('|')})\b`, 'gi')

/** Comments and literals of TypeScript and JavaScript. The rest of a file is identifiers and punctuation. */
const NOT_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g

/**
 * Each use of a banned word in the text of a file, as `line: word`. Prose is all of a document, and the comments and
 * literals of code.
 */
export function bannedWords(path: string, text: string): string[] {
  const cleaned = text.replaceAll(EXEMPT, name => '-'.repeat(name.length))
  if (!/\.[jt]s$/.test(path)) return matches(cleaned, PROSE)
  const code = cleaned.replaceAll(NOT_CODE, blank)
  const prose = [...cleaned.matchAll(NOT_CODE)].flatMap(({ 0: part, index }) =>
    matches(part, PROSE, lineOf(cleaned, index)),
  )
  return [...prose, ...identifierParts(code)]
}

function identifierParts(code: string): string[] {
  return [...code.matchAll(/[A-Za-z_$][\w$]*/g)].flatMap(({ 0: name, index }) =>
    name
      .split(/_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
      .filter(part => IDENTIFIER_WORDS.has(part.toLowerCase()))
      .map(() => `${lineOf(code, index)}: ${name}`),
  )
}

/** `firstLine`: number of the line that `text` starts on. */
function matches(text: string, pattern: RegExp, firstLine = 1): string[] {
  return [...text.matchAll(pattern)].map(
    ({ 0: word, index }) => `${firstLine - 1 + lineOf(text, index)}: ${word}`,
  )
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

/** Spaces of the same length, so that lines and offsets stay. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ')
}
