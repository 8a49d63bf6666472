/** Merges the response bodies of n samples into the one that a single engine would have sent. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { applyEdits, replaceAt } from '../json/edit.ts'
import { rangeAt, scanArray } from '../json/scan.ts'
import { mergeUsage } from './usage.ts'

/** `bodies[j]` is the body of sample j. In the result, sample j of prompt i has the index `i * n + j`. */
export function mergeBodies(endpoint: GenerationEndpoint, bodies: readonly Buffer[]): Buffer {
  return endpoint === 'generate' ? mergeLists(bodies) : mergeChoices(bodies)
}

/** For `/generate`: one list, with the samples of each prompt next to each other. */
function mergeLists(bodies: readonly Buffer[]): Buffer {
  return listOf(interleave(bodies.map(body => elementsAt(body, []) ?? [body])))
}

function mergeChoices(bodies: readonly Buffer[]): Buffer {
  const [first] = bodies
  if (first === undefined) throw new RangeError('no bodies to merge')
  const choices = interleave(bodies.map(body => elementsAt(body, ['choices']) ?? []))
  const list = listOf(choices.map((choice, index) => withIndex(choice, index)))
  const usages = bodies.map(body => textAt(body, ['usage'])).filter(text => text !== undefined)
  const edits = [replaceAt(first, ['choices'], list)]
  if (usages.length > 0) edits.push(replaceAt(first, ['usage'], Buffer.from(mergeUsage(usages))))
  return applyEdits(first, edits.flat())
}

/** Returns sample 0 of prompt 0, sample 1 of prompt 0, …, sample 0 of prompt 1, … */
function interleave(samples: readonly (readonly Buffer[])[]): Buffer[] {
  const prompts = samples[0]?.length ?? 0
  return Array.from({ length: prompts }, (_, prompt) => samples.map(sample => sample[prompt]))
    .flat()
    .filter(item => item !== undefined)
}

function withIndex(choice: Buffer, index: number): Buffer {
  return applyEdits(choice, replaceAt(choice, ['index'], Buffer.from(String(index))))
}

function elementsAt(bytes: Buffer, path: readonly string[]): Buffer[] | undefined {
  const range = rangeAt(bytes, path)
  if (range?.kind !== 'array') return undefined
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
