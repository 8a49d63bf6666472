/**
 * Inserts the logprobs of an echoed prompt into decode's response to `/v1/completions`. Only prefill has them.
 *
 * Both engines echo the text, but only prefill's response has the logprob rows of the prompt, before the row of the one
 * token that prefill generates (SGLang 2026-07, serving_completions). A single engine would send them with the first
 * event of each prompt. All other bytes of both responses are kept.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import { JsonSyntaxError } from '../json/errors.ts'
import { rangeAt, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import type { ResponseEditor } from './editor.ts'
import { joinLists, withoutLast } from './json-lists.ts'

const LISTS = ['text_offset', 'token_logprobs', 'tokens', 'top_logprobs'] as const

type ListName = (typeof LISTS)[number]
/** The lists of one choice as JSON. */
type Rows = Partial<Record<ListName, Buffer>>

export class EchoLogprobs implements ResponseEditor {
  /** Prefill's rows for the prompt of each choice, by the index of the choice. */
  readonly #prompts: ReadonlyMap<number, Rows>
  readonly #seen = new Set<number>()

  /** `prefillBody` is a JSON body, or a complete event stream. */
  constructor(prefillBody: Uint8Array, isEventStream: boolean) {
    const texts = isEventStream ? payloadsOf(prefillBody) : [asBuffer(prefillBody)]
    this.#prompts = promptRows(texts)
  }

  editBody(body: Uint8Array): Buffer {
    return this.#edit(asBuffer(body))
  }

  editEvents(block: Uint8Array): Buffer {
    return Buffer.concat(eventsIn(block).map(event => this.#editEvent(event)))
  }

  /** Data that is not JSON is passed on unchanged. */
  #editEvent({ raw, data }: ServerSentEvent): Buffer {
    if (data.length === 0 || isDoneData(data)) return raw
    try {
      const edited = this.#edit(data)
      return edited === data ? raw : toEvent(edited)
    } catch (error) {
      if (error instanceof JsonSyntaxError) return raw
      throw error
    }
  }

  /** Completes each choice on its first occurrence. Returns the same bytes if there is nothing to insert. */
  #edit(bytes: Buffer): Buffer {
    const edits = choicesIn(bytes).flatMap(({ position, index }) => {
      const rows = this.#seen.has(index) ? undefined : this.#prompts.get(index)
      this.#seen.add(index)
      return rows === undefined ? [] : editsFor(bytes, position, rows)
    })
    return edits.length === 0 ? bytes : applyEdits(bytes, edits)
  }
}

function editsFor(bytes: Buffer, position: number, rows: Rows): Edit[] {
  return LISTS.flatMap(name => {
    const list = rangeAt(bytes, ['choices', position, 'logprobs', name])
    const promptList = rows[name]
    if (list?.kind !== 'array' || promptList === undefined) return []
    const replacement = joinLists(promptList, bytes.subarray(list.start, list.end))
    return [{ start: list.start, end: list.end, replacement }]
  })
}

/** Prefill's rows without the last one of each choice, which belongs to the generated token and is in decode's response. */
function promptRows(texts: readonly Buffer[]): Map<number, Rows> {
  const rowsByIndex = new Map<number, Rows>()
  for (const text of texts) {
    for (const { position, index } of choicesIn(text)) {
      const rows = rowsByIndex.get(index) ?? {}
      rowsByIndex.set(index, rows)
      for (const name of LISTS) addRows(rows, name, listAt(text, position, name))
    }
  }
  for (const rows of rowsByIndex.values()) for (const name of LISTS) removeToken(rows, name)
  return rowsByIndex
}

function addRows(rows: Rows, name: ListName, added: Buffer | undefined): void {
  const before = rows[name]
  if (added !== undefined) rows[name] = before === undefined ? added : joinLists(before, added)
}

function removeToken(rows: Rows, name: ListName): void {
  const list = rows[name]
  if (list !== undefined) rows[name] = withoutLast(list)
}

function listAt(bytes: Buffer, position: number, name: ListName): Buffer | undefined {
  const range = rangeAt(bytes, ['choices', position, 'logprobs', name])
  return range?.kind === 'array' ? bytes.subarray(range.start, range.end) : undefined
}

function choicesIn(bytes: Buffer): { readonly position: number; readonly index: number }[] {
  const choices = rangeAt(bytes, ['choices'])
  if (choices?.kind !== 'array') return []
  return scanArray(bytes, choices.start).elements.map((_, position) => {
    const index = rangeAt(bytes, ['choices', position, 'index'])
    const isNumber = index?.kind === 'number'
    return { position, index: isNumber ? Number(bytes.toString('latin1', index.start, index.end)) : position }
  })
}

function payloadsOf(stream: Uint8Array): Buffer[] {
  return eventsIn(stream)
    .map(event => event.data)
    .filter(data => data.length > 0 && !isDoneData(data))
}
