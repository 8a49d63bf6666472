/**
 * Finds the prompts of a request: whether it has one or a list, and the members that hold one value for each prompt of
 * a list. Each prompt of a list is sent to the engines as a request of its own; see `workers/samples`.
 *
 * Which member makes a batch, and which lists have one value per prompt, is that of SGLang's `GenerateReqInput`
 * (0.5.23, `io_struct.py`).
 */
import { GatewayError } from '../../src/core/errors.ts'
import { BYTE, isDigit } from '../json/bytes.ts'
import { lastMember } from '../json/members.ts'
import { type Member, type Range, type ScannedValue, scanArray } from '../json/scan.ts'
import { skipSpace } from '../json/skip.ts'
import { perPromptElements } from './per-prompt-lists.ts'
import { PromptLengths } from './prompt-lengths.ts'

/** A member that is a list with one value for each prompt. */
export interface PromptList {
  readonly key: string
  /** The whole list with its brackets. */
  readonly list: Range
  /** The values, in the order of the prompts. */
  readonly elements: readonly ScannedValue[]
}

export interface Prompts {
  /** The lists of a request with several prompts, even if it is a list of one; `undefined` for a single prompt. */
  readonly batch: { readonly size: number; readonly lists: readonly PromptList[] } | undefined
  /** The lengths of prompts given as token ids. Nothing is counted yet. */
  readonly lengths: PromptLengths
}

const NO_IDS = new PromptLengths(Buffer.alloc(0), [])
const SINGLE: Prompts = { batch: undefined, lengths: NO_IDS }

/** `keys`: see `EndpointTraits.promptKeys`. @throws {GatewayError} `invalid-request` if the list is empty, or a list does not fit the number of prompts */
export function readPrompts(
  keys: readonly string[],
  bytes: Buffer,
  members: readonly Member[],
  maxPrompts: number,
): Prompts {
  for (const key of keys) {
    const member = lastMember(members, key)
    if (member === undefined || member.kind === 'null') continue
    return member.kind === 'array' ? promptsOf(bytes, members, member, maxPrompts) : SINGLE
  }
  return SINGLE
}

function promptsOf(bytes: Buffer, members: readonly Member[], member: Member, maxPrompts: number): Prompts {
  const list: ScannedValue = { kind: 'array', start: member.valueStart, end: member.valueEnd }
  const first = bytes[skipSpace(bytes, list.start + 1)]
  // A flat list of ids is a single prompt, and too long to be split into elements.
  if (isDigit(first) || first === BYTE.minus)
    return { batch: undefined, lengths: new PromptLengths(bytes, [list]) }
  if (member.key === 'input_embeds' && !isBatchOfEmbeddings(bytes, list)) return SINGLE
  const elements = promptElements(bytes, member, maxPrompts)
  const lists: PromptList[] = [{ key: member.key, list, elements }]
  for (const other of members) {
    if (other === member || lastMember(members, other.key) !== other) continue
    const values = perPromptElements(bytes, other, elements.length)
    if (values !== undefined) {
      lists.push({ key: other.key, list: { start: other.valueStart, end: other.valueEnd }, elements: values })
    }
  }
  return {
    batch: { size: elements.length, lists },
    lengths: member.key === 'input_embeds' ? NO_IDS : new PromptLengths(bytes, elements),
  }
}

/** One prompt is a list of vectors, a batch is a list of such lists. */
function isBatchOfEmbeddings(bytes: Buffer, list: ScannedValue): boolean {
  const inner = skipSpace(bytes, list.start + 1)
  return bytes[inner] === BYTE.openBracket && bytes[skipSpace(bytes, inner + 1)] === BYTE.openBracket
}

function promptElements(
  bytes: Buffer,
  { key, valueStart }: Member,
  maxPrompts: number,
): readonly ScannedValue[] {
  const { elements } = scanArray(bytes, valueStart, maxPrompts)
  const [first] = elements
  // Some engines respond to such a request with an empty list, others not at all.
  if (first === undefined) throw new GatewayError('invalid-request', 'The list of prompts is empty')
  const expected =
    key === 'text' ? 'string' : key === 'prompt' && first.kind === 'string' ? 'string' : 'array'
  const odd = elements.findIndex(({ kind }) => kind !== expected)
  if (odd < 0) return elements
  const what = expected === 'string' ? 'a string' : 'a list'
  throw new GatewayError('invalid-request', `${key}[${odd}] must be ${what}, as all prompts of one request`)
}
