/** Merges the response bodies of the parts of a request into the one that a single engine would have sent. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { applyEdits, type Edit, replaceAt } from '../json/edit.ts'
import { rangeAt, type ScannedValue, scanArray } from '../json/scan.ts'
import { mergeUsage, type PartUsage } from './usage.ts'

/** What the merged response needs of the response body of a part, or what stands for one that its client has aborted. */
export type PartBody =
  | { readonly kind: 'aborted'; readonly item: Buffer }
  | {
      readonly kind: 'body'
      readonly bytes: Buffer
      /** Empty for `/generate`. */
      readonly choices: readonly Buffer[]
      readonly usage: string | undefined
      readonly replaced: ReplacedValues
    }

/** Where the values are that the merged response replaces. */
type ReplacedValues = Readonly<Record<'choices' | 'usage', ScannedValue | undefined>>

const NO_VALUES: ReplacedValues = { choices: undefined, usage: undefined }

/** Reads the body of part `index`. The work is done as each part arrives, so that many never have to be read at once. */
export function readPart(endpoint: GenerationEndpoint, bytes: Buffer, index: number): PartBody {
  if (endpoint === 'generate')
    return { kind: 'body', bytes, choices: [], usage: undefined, replaced: NO_VALUES }
  const replaced = { choices: rangeAt(bytes, ['choices']), usage: rangeAt(bytes, ['usage']) }
  const choices = elementsOf(bytes, replaced.choices).map(choice => withIndex(choice, index))
  return { kind: 'body', bytes, choices, usage: objectText(bytes, replaced.usage), replaced }
}

/**
 * `parts[i]` is that of part i; `n`: samples per prompt. At least one part has a body.
 *
 * In the result, choices have the index of their part; of `/generate` it is a list in the order of the parts.
 */
export function mergeBodies(endpoint: GenerationEndpoint, parts: readonly PartBody[], n: number): Buffer {
  if (endpoint !== 'generate') return mergeChoices(parts, n)
  return Buffer.concat(listOf(parts.map(part => (part.kind === 'aborted' ? part.item : part.bytes))))
}

function mergeChoices(parts: readonly PartBody[], n: number): Buffer {
  const first = parts.find(({ kind }) => kind === 'body')
  if (first?.kind !== 'body') throw new RangeError('no bodies to merge')
  const usages: PartUsage[] = []
  const choices = parts.flatMap((part, index) => {
    if (part.kind === 'aborted') return [part.item]
    if (part.usage !== undefined) usages.push({ text: part.usage, prompt: Math.floor(index / n) })
    return part.choices
  })
  const edits = [replacementOf(first.replaced.choices, Buffer.concat(listOf(choices)))]
  if (usages.length > 0) edits.push(replacementOf(first.replaced.usage, Buffer.from(mergeUsage(usages))))
  return applyEdits(first.bytes, edits.flat())
}

function replacementOf(value: ScannedValue | undefined, replacement: Buffer): Edit[] {
  return value === undefined ? [] : [{ start: value.start, end: value.end, replacement }]
}

function withIndex(choice: Buffer, index: number): Buffer {
  return applyEdits(choice, replaceAt(choice, ['index'], Buffer.from(String(index))))
}

function elementsOf(bytes: Buffer, list: ScannedValue | undefined): Buffer[] {
  if (list?.kind !== 'array') return []
  return scanArray(bytes, list.start).elements.map(({ start, end }) => bytes.subarray(start, end))
}

function objectText(bytes: Buffer, value: ScannedValue | undefined): string | undefined {
  return value?.kind === 'object' ? bytes.toString('utf8', value.start, value.end) : undefined
}

const OPEN = Buffer.from('[')
const COMMA = Buffer.from(',')
const CLOSE = Buffer.from(']')

function listOf(items: readonly Buffer[]): Buffer[] {
  return [OPEN, ...items.flatMap((item, index) => (index === 0 ? [item] : [COMMA, item])), CLOSE]
}
