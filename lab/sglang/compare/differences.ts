/** The fields in which two answers differ. Pure. */
import { type Fields, flattened, isProgress, patternOf } from './fields.ts'
import { kindOf } from './kinds.ts'

export interface Difference {
  /** Path for all places in lists, see `patternOf`. */
  readonly pattern: string
  /** What was found and what was expected, as short texts. */
  readonly found: string
  readonly expected: string
}

/** Two runs of the same model differ by the order of sums of 32-bit floats. */
const TOLERANCE = 2e-3
const TEXT_LIMIT = 120
/** Stands for a field that an answer does not have. */
export const NOTHING = 'nothing'

/** One difference for each field. A field that only one answer has differs from `NOTHING`, unless it is progress. */
export function differences(found: Fields, expected: Fields): Difference[] {
  const paths = new Set([...found.keys(), ...expected.keys()])
  return [...paths].flatMap(path => {
    if (isProgress(path)) return progressDifferences(found.get(path), expected.get(path))
    if (isSame(found, expected, path)) return []
    return { pattern: patternOf(path), found: textOf(found, path), expected: textOf(expected, path) }
  })
}

/** One answer may have more kinds of events than the other, so those that are most alike are compared. */
function progressDifferences(found: unknown, expected: unknown): Difference[] {
  if (!Array.isArray(found) || !Array.isArray(expected)) return []
  const compared = found.flatMap(kind =>
    expected.map(other => differences(flattened('progress', kind), flattened('progress', other))),
  )
  return compared.toSorted((a, b) => a.length - b.length)[0] ?? []
}

/** Compares the members of two answers with different texts: which there are, and of which type. */
export function shapeDifferences(found: Fields, expected: Fields): Difference[] {
  return differences(shapeOf(found), shapeOf(expected))
}

export function differenceText({ pattern, found, expected }: Difference): string {
  return `${pattern} is ${found} instead of ${expected}`
}

/** Fields whose values are names, which do not depend on the text. */
const NAMES = /^(?:status|end|content type|\[DONE\])$|\.(?:object|role|type|code|err_type|status_code)$/

/** Completions have objects whose keys are tokens. */
const TOKEN_KEYS = /(\.logprobs\.top_logprobs\[\])\..*$/

function shapeOf(fields: Fields): Fields {
  const shape = new Map<string, Set<string>>()
  for (const [path, value] of fields) {
    if (isProgress(path)) continue
    const pattern = patternOf(path).replace(TOKEN_KEYS, '$1.*')
    const kinds = shape.get(pattern) ?? new Set()
    shape.set(pattern, kinds.add(NAMES.test(pattern) ? String(value) : kindOf(value)))
  }
  return new Map<string, unknown>([
    ...[...shape].map(([pattern, kinds]) => [pattern, [...kinds].toSorted().join(' or ')] as const),
    ...[...fields].filter(([path]) => isProgress(path)),
  ])
}

function isSame(a: Fields, b: Fields, path: string): boolean {
  if (!a.has(path) || !b.has(path)) return false
  const [left, right] = [a.get(path), b.get(path)]
  if (typeof left !== 'number' || typeof right !== 'number') return left === right
  if (Number.isInteger(left) && Number.isInteger(right)) return left === right
  return Math.abs(left - right) <= TOLERANCE * Math.max(1, Math.abs(left))
}

function textOf(fields: Fields, path: string): string {
  if (!fields.has(path)) return NOTHING
  const text = JSON.stringify(fields.get(path)) ?? 'undefined'
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text
}
