/** Merges the event streams of n samples into one: indexes and id of one request, one usage event, one `[DONE]`. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { applyEdits, type Edit, replaceAt } from '../json/edit.ts'
import { JsonSyntaxError, rangeAt, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, toEvent } from '../sse/events.ts'
import { mergeUsage } from './usage.ts'

export class SampleStreams {
  readonly #endpoint: GenerationEndpoint
  readonly #n: number
  /** The data of the usage events received so far, at most one per sample. */
  readonly #usages: Buffer[] = []
  #id: Buffer | undefined

  constructor(endpoint: GenerationEndpoint, n: number) {
    this.#endpoint = endpoint
    this.#n = n
  }

  /** Converts the next events of a sample for the client. The result may be empty. */
  edit(block: Uint8Array, sample: number): Buffer {
    const kept: Buffer[] = []
    for (const { raw, data } of eventsIn(block)) {
      if (data.length === 0) kept.push(raw)
      else if (!isDoneData(data)) kept.push(...(this.#editJson(data, sample) ?? [raw]))
    }
    return Buffer.concat(kept)
  }

  /** The last events of the merged stream, after all samples have ended. */
  end(): Buffer {
    const done = toEvent('[DONE]')
    const [first] = this.#usages
    if (first === undefined) return done
    const texts = this.#usages.map(event => textAt(event, ['usage']))
    const merged = replaceAt(first, ['usage'], Buffer.from(mergeUsage(texts)))
    return Buffer.concat([toEvent(applyEdits(first, [...merged, ...this.#idEdits(first)])), done])
  }

  /** `undefined` if `data` is not a JSON object; the event is then passed on unchanged. */
  #editJson(data: Buffer, sample: number): Buffer[] | undefined {
    try {
      return rangeAt(data, [])?.kind === 'object' ? this.#editData(data, sample) : undefined
    } catch (error) {
      if (error instanceof JsonSyntaxError) return undefined
      throw error
    }
  }

  #editData(data: Buffer, sample: number): Buffer[] {
    if (this.#endpoint === 'generate') return [toEvent(this.#editGenerate(data, sample))]
    const choices = rangeAt(data, ['choices'])
    if (choices?.kind !== 'array') return [toEvent(data)]
    const { elements } = scanArray(data, choices.start)
    if (elements.length === 0 && rangeAt(data, ['usage'])?.kind === 'object') {
      this.#usages.push(data)
      return []
    }
    const edits = elements.flatMap((_, position) =>
      this.#indexEdits(data, ['choices', position, 'index'], sample),
    )
    return [toEvent(applyEdits(data, [...edits, ...this.#idEdits(data)]))]
  }

  #editGenerate(data: Buffer, sample: number): Buffer {
    const edits = this.#indexEdits(data, ['index'], sample)
    if (edits.length > 0) return applyEdits(data, edits)
    const end = data.lastIndexOf('}')
    return applyEdits(data, [{ start: end, end, replacement: Buffer.from(`,"index":${sample}`) }])
  }

  /** Engines number the prompts of a request; the client expects prompts times samples to be numbered. */
  #indexEdits(data: Buffer, path: readonly (string | number)[], sample: number): Edit[] {
    const range = rangeAt(data, path)
    if (range?.kind !== 'number') return []
    const prompt = Number(data.toString('latin1', range.start, range.end))
    return [
      { start: range.start, end: range.end, replacement: Buffer.from(String(prompt * this.#n + sample)) },
    ]
  }

  /** Gives all events the id of the first one. */
  #idEdits(data: Buffer): Edit[] {
    const range = rangeAt(data, ['id'])
    if (range === undefined) return []
    this.#id ??= Buffer.from(data.subarray(range.start, range.end))
    return [{ start: range.start, end: range.end, replacement: this.#id }]
  }
}

function textAt(bytes: Buffer, path: readonly string[]): string {
  const range = rangeAt(bytes, path)
  return range === undefined ? '{}' : bytes.toString('utf8', range.start, range.end)
}
