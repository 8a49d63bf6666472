/** Compares the tokens of a response with the output script of the simulated engine. */
import { expectedText, scriptFor, scriptOf } from '../../../src/simulator/sequence/output-script.ts'
import { type Failure, failureOf } from '../records/record.ts'

export interface Expected {
  readonly promptText: string
  readonly seed: number
  readonly maxTokens: number
  readonly ignoreEos: boolean
}

/** Longest run of missing or repeated tokens that is recognised as such; a longer one counts as altered. */
const GAP_LIMIT_TOKENS = 16

/** @returns undefined when `text` is the whole expected output, or its beginning if `mayBePart`. */
export function compareText(expected: Expected, text: string, mayBePart: boolean): Failure | undefined {
  const whole = expectedText(expected.promptText, expected.seed, expected.maxTokens, expected.ignoreEos)
  if (text === whole || (mayBePart && whole.startsWith(text))) return undefined
  const { pieces } = scriptFor(expected.promptText, expected.seed, expected.maxTokens, expected.ignoreEos)
  return differenceOf(
    pieces.filter(piece => piece !== ''),
    text,
  )
}

/** @returns undefined when the engine's token count and finish reason are those of the script. */
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

function differenceOf(tokens: readonly string[], text: string): Failure {
  let from = 0
  let index = 0
  for (; index < tokens.length; index++) {
    const token = tokens[index] ?? ''
    if (!text.startsWith(token, from)) break
    from += token.length
  }
  const rest = text.slice(from)
  const where = `at token ${index} of ${tokens.length}`
  if (rest === '') return failureOf('missing', `the response ends ${where}`)
  const wanted = JSON.stringify(tokens[index] ?? '')
  const detail = `${where}: ${JSON.stringify(rest.slice(0, 40))} instead of ${wanted}`
  return failureOf(kindOf(tokens, index, rest), detail)
}

/** One word may be a prefix of another, so the whole remaining text is compared before its first token. */
function kindOf(tokens: readonly string[], index: number, rest: string): 'missing' | 'duplicate' | 'altered' {
  const isTail = (from: number) => from >= 0 && from < tokens.length && rest === tokens.slice(from).join('')
  const steps = Array.from({ length: GAP_LIMIT_TOKENS }, (_, step) => step + 1)
  if (steps.some(back => isTail(index - back))) return 'duplicate'
  if (steps.some(ahead => isTail(index + ahead))) return 'missing'
  return repeats(tokens, index, rest) ? 'duplicate' : 'altered'
}

/** Whether the previous token, or the beginning of the whole output, is repeated. */
function repeats(tokens: readonly string[], index: number, rest: string): boolean {
  const beginning = tokens.slice(0, 3).join('')
  if (index > 2 && rest.startsWith(beginning)) return true
  return index > 0 && rest.startsWith(tokens[index - 1] ?? '')
}
