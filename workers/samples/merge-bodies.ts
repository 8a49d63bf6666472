/** Merges the response bodies of the parts of a request into the one that a single engine would have sent. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { applyEdits, replaceAt } from '../json/edit.ts'
import { rangeAt, scanArray } from '../json/scan.ts'
import { mergeUsage, type PartUsage } from './usage.ts'

/** The response body of a part, or what stands in for one that its client has aborted. */
export interface PartBody {
  readonly kind: 'body' | 'aborted'
  readonly bytes: Buffer
}

/**
 * `parts[i]` is that of part i; `n`: samples per prompt. At least one part has a body.
 *
 * In the result, choices have the index of their part; of `/generate` it is a list in the order of the parts.
 */
export function mergeBodies(endpoint: GenerationEndpoint, parts: readonly PartBody[], n: number): Buffer {
  return endpoint === 'generate' ? listOf(parts.map(({ bytes }) => bytes)) : mergeChoices(parts, n)
}

function mergeChoices(parts: readonly PartBody[], n: number): Buffer {
  const first = parts.find(({ kind }) => kind === 'body')?.bytes
  if (first === undefined) throw new RangeError('no bodies to merge')
  const usages: PartUsage[] = []
  const choices = parts.flatMap(({ kind, bytes }, part) => {
    if (kind === 'aborted') return [bytes]
    const text = textAt(bytes, ['usage'])
    if (text !== undefined) usages.push({ text, countsPrompt: part % n === 0 })
    return elementsAt(bytes, ['choices']).map(choice => withIndex(choice, part))
  })
  const edits = [replaceAt(first, ['choices'], listOf(choices))]
  if (usages.length > 0) edits.push(replaceAt(first, ['usage'], Buffer.from(mergeUsage(usages))))
  return applyEdits(first, edits.flat())
}

function withIndex(choice: Buffer, index: number): Buffer {
  return applyEdits(choice, replaceAt(choice, ['index'], Buffer.from(String(index))))
}

function elementsAt(bytes: Buffer, path: readonly string[]): Buffer[] {
  const range = rangeAt(bytes, path)
  if (range?.kind !== 'array') return []
  return scanArray(bytes, range.start).elements.map(({ start, end }) => bytes.subarray(start, end))
}

function textAt(bytes: Buffer, path: readonly string[]): string | undefined {
  const range = rangeAt(bytes, path)
  return range?.kind === 'object' ? bytes.toString('utf8', range.start, range.end) : undefined
}

function listOf(items: readonly Buffer[]): Buffer {
  const parts = items.flatMap((item, index) => (index === 0 ? [item] : [Buffer.from(','), item]))
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')])
}
