/**
 * Puts the logprobs of an echoed prompt into decode's answer to `/v1/completions`: only prefill has them.
 *
 * Both engines echo the text, but the rows of the prompt stand on prefill's side alone, before the one token that a
 * prefill engine makes (SGLang 2026-07, serving_completions). One engine would send them with the first event of each
 * prompt. Bytes of both answers stay as they are.
 */
import { asBuffer } from '../json/bytes.ts'
import { applyEdits, type Edit } from '../json/edit.ts'
import { JsonSyntaxError, rangeAt, scanArray } from '../json/scan.ts'
import { eventsIn, isDoneData, type ServerSentEvent, toEvent } from '../sse/events.ts'
import type { ResponseEditor } from './editor.ts'
import { joinLists, withoutLast } from './json-lists.ts'

const LISTS = ['text_offset', 'token_logprobs', 'tokens', 'top_logprobs'] as const

type ListName = (typeof LISTS)[number]
/** The lists of one choice, as JSON. */
type Rows = Partial<Record<ListName, Buffer>>

export class EchoLogprobs implements ResponseEditor {
  /** What prefill says of each choice's prompt, by the choice's index. */
  readonly #prompts: ReadonlyMap<number, Rows>
  readonly #seen = new Set<number>()

  /** `prefillBody`: a body, or the whole of a stream. */
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

  /** What is not JSON is not ours to mend: it goes on as it came. */
  #editEvent({ raw, data }: ServerSentEvent): Buffer {
    if (data.length === 0 || isDoneData(data)) return raw
    try {
      const edited = this.#edit(data)
      return edited === data ? raw : toEvent(edited)
    } catch (fault) {
      if (fault instanceof JsonSyntaxError) return raw
      throw fault
    }
  }

  /** Each choice is completed where it is seen first. The same bytes when there is none to complete. */
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
    const theirs = rangeAt(bytes, ['choices', position, 'logprobs', name])
    const ours = rows[name]
    if (theirs?.kind !== 'array' || ours === undefined) return []
    const replacement = joinLists(ours, bytes.subarray(theirs.start, theirs.end))
    return [{ start: theirs.start, end: theirs.end, replacement }]
  })
}

/** Prefill's rows of all texts, without the last of each choice: that is the token it made, which decode sends too. */
function promptRows(texts: readonly Buffer[]): Map<number, Rows> {
  const all = new Map<number, Rows>()
  for (const text of texts) {
    for (const { position, index } of choicesIn(text)) {
      const rows = all.get(index) ?? {}
      all.set(index, rows)
      for (const name of LISTS) addRows(rows, name, listAt(text, position, name))
    }
  }
  for (const rows of all.values()) for (const name of LISTS) cutToken(rows, name)
  return all
}

function addRows(rows: Rows, name: ListName, more: Buffer | undefined): void {
  const before = rows[name]
  if (more !== undefined) rows[name] = before === undefined ? more : joinLists(before, more)
}

function cutToken(rows: Rows, name: ListName): void {
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
