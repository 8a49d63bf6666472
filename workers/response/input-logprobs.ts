/**
 * Inserts the logprobs that only prefill has into decode's response to `/generate`: those of the prompt, and those of
 * named tokens (`token_ids_logprob`) at the first output token.
 *
 * SGLang decode engines send empty lists for the prompt, and for named tokens lists whose first row is null (0.5.23) or
 * missing (2026-07), because the KV transfer does not carry these rows. In a stream the rows belong in every event if events are
 * cumulative, and in the first event only if they are incremental. All other bytes of both responses are kept.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import { JsonSyntaxError } from '../json/errors.ts'
import { rangeAt, type ScannedValue, scanArray, scanObject } from '../json/scan.ts'
import { eventsIn, isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import type { ResponseEditor } from './editor.ts'
import { joinLists } from './json-lists.ts'

const FIELDS = ['input_token_logprobs', 'input_top_logprobs', 'input_token_ids_logprobs'] as const
const NAMED_TOKENS = 'output_token_ids_logprobs'
const FLAT_PREFIX = 'input_top_logprobs_'
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
    const metaPath = [...path, 'meta_info']
    const lists = FIELDS.flatMap(field => {
      const source = rangeAt(item, ['meta_info', field])
      if (source?.kind !== 'array') return []
      const list = item.subarray(source.start, source.end)
      const target = rangeAt(bytes, [...metaPath, field])
      return target === undefined ? [insertion(meta, field, list)] : [prepend(bytes, target, list)]
    })
    return [...lists, ...flatEdits(item, bytes, metaPath), ...namedTokenEdits(item, bytes, metaPath)]
  }
}

/**
 * The top logprobs of the prompt as flat arrays with their shape (`return_flat_raw_top_logprobs`, SGLang 0.5.23): decode's
 * are those of an empty prompt.
 */
function flatEdits(item: Buffer, bytes: Buffer, metaPath: readonly (string | number)[]): Edit[] {
  const source = rangeAt(item, ['meta_info'])
  const meta = rangeAt(bytes, metaPath)
  if (source?.kind !== 'object' || meta === undefined) return []
  return scanObject(item, source.start)
    .members.filter(({ key }) => key.startsWith(FLAT_PREFIX))
    .map(({ key, valueStart, valueEnd }) => {
      const value = item.subarray(valueStart, valueEnd)
      const target = rangeAt(bytes, [...metaPath, key])
      return target === undefined
        ? insertion(meta, key, value)
        : { start: target.start, end: target.end, replacement: value }
    })
}

/**
 * Puts prefill's row where decode has null (SGLang 0.5.23) or no row (2026-07) for the first output token. A response
 * without a token (`max_new_tokens` 0) has no rows, although prefill always makes a token.
 */
function namedTokenEdits(item: Buffer, bytes: Buffer, metaPath: readonly (string | number)[]): Edit[] {
  const source = rangeAt(item, ['meta_info', NAMED_TOKENS])
  const target = rangeAt(bytes, [...metaPath, NAMED_TOKENS])
  if (source?.kind !== 'array' || target?.kind !== 'array') return []
  const row = scanArray(item, source.start).elements[0]
  const rows = scanArray(bytes, target.start).elements
  if (row === undefined) return []
  const [first] = rows
  const outputs = rowsAt(bytes, [...metaPath, 'output_token_logprobs'])
  if (outputs === 0) return [replacing(target, EMPTY_LIST)]
  if (first?.kind === 'null') return [replacing(first, item.subarray(row.start, row.end))]
  return rows.length + 1 === outputs ? [prepend(bytes, target, item.subarray(source.start, source.end))] : []
}

function replacing({ start, end }: ScannedValue, replacement: Buffer): Edit {
  return { start, end, replacement }
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
