/** Determines whether a request has one prompt or a list, and the length of prompts given as token ids. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { BYTE, isDigit } from '../json/bytes.ts'
import { lastMember } from '../json/members.ts'
import { type Member, type ScannedValue, scanArray } from '../json/scan.ts'
import { skipSpace } from '../json/skip.ts'

export interface PromptShape {
  /** Number of prompts in a list, 0 if it is empty; `undefined` for a single prompt. */
  readonly batchSize: number | undefined
  /** Length of the longest prompt given as token ids; `undefined` if there is none. Reads the body on every call. */
  readonly countTokens: () => number | undefined
}

const SINGLE_TEXT: PromptShape = { batchSize: undefined, countTokens: () => undefined }

const PROMPT_KEYS = { generate: ['text', 'input_ids'], completions: ['prompt'], chat: [] } as const

export function promptShape(
  endpoint: GenerationEndpoint,
  bytes: Buffer,
  members: readonly Member[],
): PromptShape {
  for (const key of PROMPT_KEYS[endpoint]) {
    const member = lastMember(members, key)
    if (member?.kind === 'array') return shapeOfList(bytes, member)
  }
  return SINGLE_TEXT
}

function shapeOfList(bytes: Buffer, member: Member): PromptShape {
  const list: ScannedValue = { kind: 'array', start: member.valueStart, end: member.valueEnd }
  const first = skipSpace(bytes, list.start + 1)
  const isFlat = isDigit(bytes[first]) || bytes[first] === BYTE.minus
  // A flat list of ids is a single prompt, and too long to be split into elements.
  if (isFlat) return { batchSize: undefined, countTokens: () => countFlat(bytes, list) }
  const { elements } = scanArray(bytes, list.start)
  return { batchSize: elements.length, countTokens: () => longest(bytes, elements) }
}

function longest(bytes: Buffer, elements: readonly ScannedValue[]): number | undefined {
  let max: number | undefined
  for (const element of elements) {
    if (element.kind === 'array') max = Math.max(max ?? 0, countFlat(bytes, element))
  }
  return max
}

function countFlat(bytes: Buffer, list: ScannedValue): number {
  if (bytes[skipSpace(bytes, list.start + 1)] === BYTE.closeBracket) return 0
  let count = 1
  for (let index = list.start; index < list.end; index++) if (bytes[index] === BYTE.comma) count++
  return count
}
