/**
 * Inserts the logprobs that only prefill has into decode's response to `/generate`: those of the prompt, and those of
 * named tokens (`token_ids_logprob`) at the first output token.
 *
 * SGLang decode engines send empty lists for the prompt, and for named tokens lists that lack the first row, because the
 * KV transfer does not carry these rows (SGLang 2026-07). In a stream the rows belong in every event if events are
 * cumulative, and in the first event only if they are incremental. All other bytes of both responses are kept.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import { JsonSyntaxError, rangeAt, type ScannedValue, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import type { ResponseEditor } from './editor.ts'
import { joinLists } from './json-lists.ts'

const FIELDS = ['input_token_logprobs', 'input_top_logprobs', 'input_token_ids_logprobs'] as const
const NAMED_TOKENS = 'output_token_ids_logprobs'
const EMPTY_LIST = Buffer.from('[]')

export class InputLogprobs implements ResponseEditor {
  /** Prefill's response item for each prompt, by the index of the prompt. */
  readonly #items: ReadonlyMap<number, Buffer>
  readonly #seen = new Set<number>()

  /** `prefillBody` is a JSON body, or a complete event stream. */
  constructor(prefillBody: Uint8Array, isEventStream: boolean) {
    this.#items = isEventStream ? itemsOfStream(prefillBody) : itemsOfBody(asBuffer(prefillBody))
  }

  editBody(body: Uint8Array): Buffer {
    const bytes = asBuffer(body)
    const root = rangeAt(bytes, [])
    if (root?.kind !== 'array') return applyEdits(bytes, this.#editsFor(bytes, 0, []))
    const edits = scanArray(bytes, root.start).elements.flatMap((_, index) =>
      this.#editsFor(bytes, index, [index]),
    )
    return applyEdits(bytes, edits)
  }

  editEvents(block: Uint8Array): Buffer {
    return Buffer.concat(eventsIn(block).map(event => this.#editEvent(event)))
  }

  /** Data that is not JSON is passed on unchanged. */
  #editEvent(event: ServerSentEvent): Buffer {
    try {
      return this.#merged(event)
    } catch (error) {
      if (error instanceof JsonSyntaxError) return event.raw
      throw error
    }
  }

  #merged({ raw, data }: ServerSentEvent): Buffer {
    if (data.length === 0 || isDoneData(data)) return raw
    const index = indexOf(data)
    if (this.#seen.has(index) && !isCumulative(data)) return raw
    this.#seen.add(index)
    const edits = this.#editsFor(data, index, [])
    return edits.length === 0 ? raw : toEvent(applyEdits(data, edits))
  }

  #editsFor(bytes: Buffer, index: number, path: readonly number[]): Edit[] {
    const item = this.#items.get(index)
    const meta = rangeAt(bytes, [...path, 'meta_info'])
    if (item === undefined || meta?.kind !== 'object') return []
    const fields = lacksFirstNamedRow(bytes, [...path, 'meta_info']) ? [...FIELDS, NAMED_TOKENS] : FIELDS
    return fields.flatMap(field => {
      const source = rangeAt(item, ['meta_info', field])
      if (source?.kind !== 'array') return []
      const list = item.subarray(source.start, source.end)
      const target = rangeAt(bytes, [...path, 'meta_info', field])
      return target === undefined ? [insertion(meta, field, list)] : [prepend(bytes, target, list)]
    })
  }
}

/** Whether there is one row of named tokens fewer than output tokens. */
function lacksFirstNamedRow(bytes: Buffer, meta: readonly (string | number)[]): boolean {
  const namedRows = rowsAt(bytes, [...meta, NAMED_TOKENS])
  const outputRows = rowsAt(bytes, [...meta, 'output_token_logprobs'])
  return namedRows !== undefined && outputRows !== undefined && namedRows === outputRows - 1
}

function rowsAt(bytes: Buffer, path: readonly (string | number)[]): number | undefined {
  const list = rangeAt(bytes, path)
  return list?.kind === 'array' ? scanArray(bytes, list.start).elements.length : undefined
}

function prepend(bytes: Buffer, target: ScannedValue, list: Buffer): Edit {
  const existing = target.kind === 'array' ? bytes.subarray(target.start, target.end) : EMPTY_LIST
  return { start: target.start, end: target.end, replacement: joinLists(list, existing) }
}

function insertion(meta: ScannedValue, field: string, list: Buffer): Edit {
  const replacement = Buffer.concat([Buffer.from(`,${JSON.stringify(field)}:`), list])
  return { start: meta.end - 1, end: meta.end - 1, replacement }
}

function itemsOfBody(bytes: Buffer): Map<number, Buffer> {
  const root = rangeAt(bytes, [])
  if (root?.kind !== 'array') return new Map([[0, bytes]])
  const { elements } = scanArray(bytes, root.start)
  return new Map(elements.map((element, index) => [index, bytes.subarray(element.start, element.end)]))
}

function itemsOfStream(body: Uint8Array): Map<number, Buffer> {
  const data = eventsIn(body).map(event => event.data)
  const items = data.filter(bytes => bytes.length > 0 && !isDoneData(bytes))
  return new Map(items.map(item => [indexOf(item), item]))
}

/** The index of the prompt within its batch; 0 if the event has none. */
function indexOf(data: Buffer): number {
  return numberAt(data, ['index']) ?? 0
}

/** Whether the event repeats all output so far, that is, has as many logprob rows as tokens were generated. */
function isCumulative(data: Buffer): boolean {
  const tokens = numberAt(data, ['meta_info', 'completion_tokens'])
  return tokens !== undefined && rowsAt(data, ['meta_info', 'output_token_logprobs']) === tokens
}

function numberAt(data: Buffer, path: readonly (string | number)[]): number | undefined {
  const value = rangeAt(data, path)
  return value?.kind === 'number' ? Number(data.toString('latin1', value.start, value.end)) : undefined
}
