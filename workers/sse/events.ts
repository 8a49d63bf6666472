/** Splits a block of whole server-sent events (WHATWG HTML section 9.2) by bytes. Not for the hot path, except `isKeepAlive`. */
import { asBuffer } from '../json/bytes.ts'

const LF = 0x0a
const LOWER_D = 0x64
const LOWER_E = 0x65
const NAMED_PING = Buffer.from('event: ping')
const DATA_LINE = Buffer.from('\ndata:')
const CR = 0x0d
/** Lines end with CR LF, LF or CR, in any mixture. */
const LINE_END = /\r\n|\n|\r/
/** The end of a line and an empty line. */
const BLANK_LINE = /(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)/g
/** A field and its value. Allows for a UTF-8 byte order mark at the start of the stream. */
const FIELD = /^(?:\u00EF\u00BB\u00BF)?(data|event)(?:: ?(.*))?$/s

export interface ServerSentEvent {
  /** The unchanged event with its blank line: a view into the block. */
  readonly raw: Buffer
  /** The `event` field; empty if there is none. */
  readonly name: string
  /** The `data` lines joined by line feeds; empty for a comment. */
  readonly data: Buffer
}

/** The events of `block`, which must start with an event. The last event may lack its blank line. */
export function eventsIn(block: Uint8Array): ServerSentEvent[] {
  const bytes = asBuffer(block)
  // latin1 has one character per byte, so indexes into the text are indexes into the bytes.
  const text = bytes.toString('latin1')
  const events: ServerSentEvent[] = []
  let start = 0
  for (const match of text.matchAll(BLANK_LINE)) {
    const end = match.index + match[0].length
    events.push(eventAt(bytes.subarray(start, end)))
    start = end
  }
  if (start < bytes.length) events.push(eventAt(bytes.subarray(start)))
  return events
}

function eventAt(raw: Buffer): ServerSentEvent {
  const data: string[] = []
  let name = ''
  for (const line of raw.toString('latin1').split(LINE_END)) {
    const [, field, value = ''] = FIELD.exec(line) ?? []
    if (field === 'data') data.push(value)
    else if (field === 'event') name = value
  }
  return { raw, name, data: Buffer.from(data.join('\n'), 'latin1') }
}

/**
 * Whether a block of whole events says nothing, as those that only keep a connection alive do: comments, events without data,
 * and events named `ping` (as in Anthropic's streams). Hot path: usually looks at two bytes.
 */
export function isKeepAlive(block: Uint8Array): boolean {
  if (block[0] === LOWER_D && !isLineEnd(block[5]) && !isLineEnd(block[6])) return false
  const bytes = asBuffer(block)
  if (block[0] === LOWER_E && !bytes.includes(NAMED_PING) && bytes.includes(DATA_LINE)) return false
  return block.length > 0 && eventsIn(block).every(({ name, data }) => data.length === 0 || name === 'ping')
}

/** Whether the byte ends a line, or begins a CR LF. */
export function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR
}

/** Encodes an event with one line of data. */
export function toEvent(data: Uint8Array | string): Buffer {
  return Buffer.concat([Buffer.from('data: '), Buffer.from(data), Buffer.from([LF, LF])])
}

export function isDoneData(data: Uint8Array): boolean {
  return asBuffer(data).toString('latin1').trim() === '[DONE]'
}
