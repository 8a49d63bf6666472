/** The fields in which two answers differ. Pure. */
import { type Fields, optionalPart, patternOf } from './fields.ts'
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

/**
 * One difference for each field. A field that only one answer has differs from `NOTHING`, unless it is in a part that may
 * be missing.
 */
export function differences(found: Fields, expected: Fields): Difference[] {
  const paths = new Set([...found.keys(), ...expected.keys()])
  return [...paths]
    .filter(path => !isSame(found, expected, path) && !isMissingPart(found, expected, path))
    .map(path => ({
      pattern: patternOf(path),
      found: textOf(found, path),
      expected: textOf(expected, path),
    }))
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
    const pattern = patternOf(path).replace(TOKEN_KEYS, '$1.*')
    const kinds = shape.get(pattern) ?? new Set()
    shape.set(pattern, kinds.add(NAMES.test(pattern) ? String(value) : kindOf(value)))
  }
  return new Map([...shape].map(([pattern, kinds]) => [pattern, [...kinds].toSorted().join(' or ')]))
}

function isMissingPart(a: Fields, b: Fields, path: string): boolean {
  const part = optionalPart(path)
  return part !== undefined && (!hasPart(a, part) || !hasPart(b, part))
}

function hasPart(fields: Fields, part: string): boolean {
  return fields.keys().some(path => path.startsWith(part))
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
