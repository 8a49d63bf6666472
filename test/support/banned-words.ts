/**
 * Words that a reader of this project must not meet: a private vocabulary once stood for the terms that the field has.
 * The terms to use are in the glossary of ARCHITECTURE.md.
 */

/** Parts of identifiers, in lower case: `newVisit` is made of `new` and `visit`. */
const IDENTIFIER_WORDS = new Set([
  ...[
    'house',
    'visit',
    'visits',
    'told',
    'tell',
    'tells',
    'verdict',
    'verdicts',
    'judge',
    'judged',
    'guilty',
  ],
  ...[
    'blame',
    'forgive',
    'suspect',
    'suspects',
    'spare',
    'spares',
    'look',
    'looks',
    'looked',
    'most',
    'least',
  ],
  ...['place', 'places', 'obituary', 'trouble', 'anew', 'whoever'],
])

/** Names that may stay: a policy of the Rust routers, and plain English. */
const GIVEN_NAMES = /least_?load|at_?(?:most|least)/gi

const PROSE = new RegExp(
  [
    String.raw`\b(?:`,
    'house|told|tells?|telling|verdicts?|judged?|judges|guilty|blame[ds]?|forgiv(?:e|en|es)|suspects?|spare[ds]?',
    '|anew|beside|whoever|for ever|of late|in place of|so many|be it|lookups? anew|let go of|at the most|at the least',
    String.raw`)\b`,
  ].join(''),
  'gi',
)

/** Comments and literals of TypeScript and JavaScript; what is left are identifiers and punctuation. */
const NOT_CODE = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g

/** Each use of a banned word in the text of a file, as `line: word`. Prose is all of a document, comments and literals of code. */
export function bannedWords(path: string, text: string): string[] {
  const cleaned = text.replaceAll(GIVEN_NAMES, name => '-'.repeat(name.length))
  if (!/\.[jt]s$/.test(path)) return matches(cleaned, PROSE)
  const prose = cleaned.replaceAll(/[^\n]/g, ' ').split('')
  for (const match of cleaned.matchAll(NOT_CODE)) {
    for (let index = 0; index < match[0].length; index++) prose[match.index + index] = match[0][index] ?? ''
  }
  const code = cleaned.replaceAll(NOT_CODE, part => part.replaceAll(/[^\n]/g, ' '))
  return [...matches(prose.join(''), PROSE), ...identifierParts(code)]
}

function identifierParts(code: string): string[] {
  return [...code.matchAll(/[A-Za-z_$][\w$]*/g)].flatMap(({ 0: name, index }) =>
    name
      .split(/_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/)
      .filter(part => IDENTIFIER_WORDS.has(part.toLowerCase()))
      .map(() => `${lineOf(code, index)}: ${name}`),
  )
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(({ 0: word, index }) => `${lineOf(text, index)}: ${word}`)
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
