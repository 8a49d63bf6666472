/** Compares an answer with the script of the simulated engine: says what is wrong with its tokens. */
import { expectedText, scriptFor, scriptOf } from '../../src/simulator/sequence/output-script.ts'
import { type Failure, failureOf } from './record.ts'

export interface Expected {
  readonly promptText: string
  readonly seed: number
  readonly maxTokens: number
  readonly ignoreEos: boolean
}

/** How far ahead a token is looked for before a gap is called an altered token. */
const GAP_LIMIT_TOKENS = 16

/** @returns undefined when `text` is the whole answer, or its beginning when it `mayBePart`. */
export function compareText(expected: Expected, text: string, mayBePart: boolean): Failure | undefined {
  const whole = expectedText(expected.promptText, expected.seed, expected.maxTokens, expected.ignoreEos)
  if (text === whole || (mayBePart && whole.startsWith(text))) return undefined
  const { pieces } = scriptFor(expected.promptText, expected.seed, expected.maxTokens, expected.ignoreEos)
  return differenceOf(
    pieces.filter(piece => piece !== ''),
    text,
  )
}

/** @returns undefined when the engine's own count and reason are those of the script. */
export function compareEnd(
  expected: Expected,
  finish: string | undefined,
  outputTokens: number | undefined,
): Failure | undefined {
  const script = scriptOf(expected.promptText, expected)
  if (outputTokens !== undefined && outputTokens !== script.length)
    return failureOf('altered', `usage counts ${outputTokens} tokens of ${script.length}`)
  if (finish !== script.finish) return failureOf('altered', `finish is ${finish}, not ${script.finish}`)
  return undefined
}

function differenceOf(pieces: readonly string[], text: string): Failure {
  let from = 0
  let place = 0
  for (; place < pieces.length; place++) {
    const piece = pieces[place] ?? ''
    if (!text.startsWith(piece, from)) break
    from += piece.length
  }
  const rest = text.slice(from)
  const where = `at token ${place} of ${pieces.length}`
  if (rest === '') return failureOf('missing', `the answer ends ${where}`)
  const wanted = JSON.stringify(pieces[place] ?? '')
  const detail = `${where}: ${JSON.stringify(rest.slice(0, 40))} in place of ${wanted}`
  return failureOf(kindOf(pieces, place, rest), detail)
}

/** A word may be the beginning of another: all that is left decides before its first token does. */
function kindOf(pieces: readonly string[], place: number, rest: string): 'missing' | 'duplicate' | 'altered' {
  const isTail = (from: number) => from >= 0 && from < pieces.length && rest === pieces.slice(from).join('')
  const steps = Array.from({ length: GAP_LIMIT_TOKENS }, (_, at) => at + 1)
  if (steps.some(back => isTail(place - back))) return 'duplicate'
  if (steps.some(ahead => isTail(place + ahead))) return 'missing'
  return repeats(pieces, place, rest) ? 'duplicate' : 'altered'
}

/** The token before, or the beginning of the whole answer, comes again. */
function repeats(pieces: readonly string[], place: number, rest: string): boolean {
  const beginning = pieces.slice(0, 3).join('')
  if (place > 2 && rest.startsWith(beginning)) return true
  return place > 0 && rest.startsWith(pieces[place - 1] ?? '')
}
