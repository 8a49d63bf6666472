/**
 * Puts the logprobs that only prefill has into decode's answer to `/generate`: those of the prompt, and those of named
 * tokens at the first token of the answer.
 *
 * SGLang decode engines send empty lists in place of the former, and lists one short in place of the latter: the KV
 * transfer carries no such row. In a stream they stand in every event when events are cumulative, in the first one only
 * when events are increments. Bytes of both answers stay as they are.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import { JsonSyntaxError, rangeAt, type ScannedValue, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import type { ResponseEditor } from './editor.ts'
import { joinLists } from './json-lists.ts'

const FIELDS = ['input_token_logprobs', 'input_top_logprobs', 'input_token_ids_logprobs'] as const
const NAMED = 'output_token_ids_logprobs'
const EMPTY_LIST = Buffer.from('[]')

export class InputLogprobs implements ResponseEditor {
  /** Prefill's answer for each prompt of the request, by its index. */
  readonly #items: ReadonlyMap<number, Buffer>
  readonly #seen = new Set<number>()

  /** `prefillBody`: a body, or the whole of a stream. */
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

  /** What is not JSON is not ours to mend: it goes on as it came. */
  #editEvent(event: ServerSentEvent): Buffer {
    try {
      return this.#merged(event)
    } catch (fault) {
      if (fault instanceof JsonSyntaxError) return event.raw
      throw fault
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
    const fields = lacksFirstNamed(bytes, [...path, 'meta_info']) ? [...FIELDS, NAMED] : FIELDS
    return fields.flatMap(field => {
      const ours = rangeAt(item, ['meta_info', field])
      if (ours?.kind !== 'array') return []
      const list = item.subarray(ours.start, ours.end)
      const theirs = rangeAt(bytes, [...path, 'meta_info', field])
      return theirs === undefined ? [insertion(meta, field, list)] : [prepend(bytes, theirs, list)]
    })
  }
}

/** Whether the rows of named tokens are one fewer than the tokens. */
function lacksFirstNamed(bytes: Buffer, meta: readonly (string | number)[]): boolean {
  const named = rowsAt(bytes, [...meta, NAMED])
  const made = rowsAt(bytes, [...meta, 'output_token_logprobs'])
  return named !== undefined && made !== undefined && named === made - 1
}

function rowsAt(bytes: Buffer, path: readonly (string | number)[]): number | undefined {
  const list = rangeAt(bytes, path)
  return list?.kind === 'array' ? scanArray(bytes, list.start).elements.length : undefined
}

function prepend(bytes: Buffer, theirs: ScannedValue, list: Buffer): Edit {
  const own = theirs.kind === 'array' ? bytes.subarray(theirs.start, theirs.end) : EMPTY_LIST
  return { start: theirs.start, end: theirs.end, replacement: joinLists(list, own) }
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

/** Which prompt of a batch the event is about; 0 when it does not say. */
function indexOf(data: Buffer): number {
  return numberAt(data, ['index']) ?? 0
}

/** Whether the event repeats all output so far: it has as many logprobs as tokens were made. */
function isCumulative(data: Buffer): boolean {
  const made = numberAt(data, ['meta_info', 'completion_tokens'])
  return made !== undefined && rowsAt(data, ['meta_info', 'output_token_logprobs']) === made
}

function numberAt(data: Buffer, path: readonly (string | number)[]): number | undefined {
  const value = rangeAt(data, path)
  return value?.kind === 'number' ? Number(data.toString('latin1', value.start, value.end)) : undefined
}
