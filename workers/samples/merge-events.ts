/** Merges the event streams of the parts of a request into one: indexes, ids, one usage event, one `[DONE]`. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import { applyEdits, type Edit, replaceAt } from '../json/edit.ts'
import { JsonSyntaxError } from '../json/errors.ts'
import { rangeAt, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, toEvent } from '../sse/events.ts'
import { abortedChoice, abortedItem } from './aborted-part.ts'
import { mergeUsage } from './usage.ts'

export interface PartStreamsOptions {
  readonly endpoint: GenerationEndpoint
  /** Samples per prompt. */
  readonly n: number
  /** The client has named the prompts, so each keeps its own id. Otherwise all events get the id of the first one. */
  readonly keepsIds: boolean
}

export class PartStreams {
  readonly #options: PartStreamsOptions
  /** The data of the usage events received so far, at most one per part. */
  readonly #usages: { readonly part: number; readonly data: Buffer }[] = []
  #id: Buffer | undefined
  /** The data of an event with choices, as the form of one that no engine sends. */
  #template: Buffer | undefined

  constructor(options: PartStreamsOptions) {
    this.#options = options
  }

  /** Converts the next events of a part for the client. The result may be empty. */
  edit(block: Uint8Array, part: number): Buffer {
    const kept: Buffer[] = []
    for (const { raw, name, data } of eventsIn(block)) {
      // Without its name an error would be taken for a part of the output.
      if (data.length === 0 || name === 'error') kept.push(raw)
      else if (!isDoneData(data)) kept.push(...(this.#editJson(data, part) ?? [raw]))
    }
    return Buffer.concat(kept)
  }

  /** The event that ends a part which its client has aborted. `undefined` while no other part has sent an event. */
  aborted(part: number, rid: string, message: string): Buffer | undefined {
    const { endpoint, keepsIds } = this.#options
    if (endpoint === 'generate') return toEvent(JSON.stringify(abortedItem(rid, message, part)))
    const template = this.#template
    if (template === undefined) return undefined
    const choices = Buffer.from(JSON.stringify([abortedChoice(endpoint, true, part)]))
    const edits = [
      ...replaceAt(template, ['choices'], choices),
      ...replaceAt(template, ['usage'], Buffer.from('null')),
      ...(keepsIds ? replaceAt(template, ['id'], Buffer.from(JSON.stringify(rid))) : []),
    ]
    return toEvent(applyEdits(template, edits))
  }

  /** The last events of the merged stream, after all parts have ended. */
  end(): Buffer {
    const done = toEvent('[DONE]')
    const usages = this.#usages.toSorted((left, right) => left.part - right.part)
    const [first] = usages
    if (first === undefined) return done
    const texts = usages.map(({ part, data }) => ({
      text: textAt(data, ['usage']),
      prompt: Math.floor(part / this.#options.n),
    }))
    const merged = replaceAt(first.data, ['usage'], Buffer.from(mergeUsage(texts)))
    return Buffer.concat([toEvent(applyEdits(first.data, [...merged, ...this.#idEdits(first.data)])), done])
  }

  /** `undefined` if `data` is not a JSON object; the event is then passed on unchanged. */
  #editJson(data: Buffer, part: number): Buffer[] | undefined {
    try {
      return rangeAt(data, [])?.kind === 'object' ? this.#editData(data, part) : undefined
    } catch (error) {
      if (error instanceof JsonSyntaxError) return undefined
      throw error
    }
  }

  #editData(data: Buffer, part: number): Buffer[] {
    if (this.#options.endpoint === 'generate') return [toEvent(editGenerate(data, part))]
    const choices = rangeAt(data, ['choices'])
    if (choices?.kind !== 'array') return [toEvent(data)]
    const { elements } = scanArray(data, choices.start)
    if (elements.length === 0 && rangeAt(data, ['usage'])?.kind === 'object') {
      this.#usages.push({ part, data })
      return []
    }
    const edits = elements.flatMap((_, position) => indexEdits(data, ['choices', position, 'index'], part))
    const edited = applyEdits(data, [...edits, ...this.#idEdits(data)])
    if (elements.length > 0) this.#template ??= edited
    return [toEvent(edited)]
  }

  #idEdits(data: Buffer): Edit[] {
    const range = this.#options.keepsIds ? undefined : rangeAt(data, ['id'])
    if (range === undefined) return []
    this.#id ??= Buffer.from(data.subarray(range.start, range.end))
    return [{ start: range.start, end: range.end, replacement: this.#id }]
  }
}

function editGenerate(data: Buffer, part: number): Buffer {
  const edits = indexEdits(data, ['index'], part)
  if (edits.length > 0) return applyEdits(data, edits)
  const end = data.lastIndexOf('}')
  return applyEdits(data, [{ start: end, end, replacement: Buffer.from(`,"index":${part}`) }])
}

/** Engines get a part as a request of its own, and number it 0. */
function indexEdits(data: Buffer, path: readonly (string | number)[], part: number): Edit[] {
  const range = rangeAt(data, path)
  if (range?.kind !== 'number') return []
  return [{ start: range.start, end: range.end, replacement: Buffer.from(String(part)) }]
}

function textAt(bytes: Buffer, path: readonly string[]): string {
  const range = rangeAt(bytes, path)
  return range === undefined ? '{}' : bytes.toString('utf8', range.start, range.end)
}
