/**
 * The committed part of a stream on its way through: whole events only.
 *
 * A partial event is held back until its end is there. So whatever happens to the engine, what the client has had
 * ends at an event, and an error event of ours can follow. Hot path: no parsing, no strings, no copy of a read that
 * ends with an event, which is the usual one.
 */
const LF = 0x0a
const CR = 0x0d
const DONE = Buffer.from('data: [DONE]')
const DONE_TIGHT = Buffer.from('data:[DONE]')
const CRLF_END = Buffer.from('\r\n\r\n')
const LF_END = Buffer.from('\n\n')
const NOTHING = Buffer.alloc(0)

export class EventRelay {
  #rest: Buffer = NOTHING
  #isDone = false

  /** Whether the last whole event was `[DONE]`. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** The whole events that the bytes complete; empty when there are none. A view, or a copy when a rest was held. */
  push(bytes: Uint8Array): Uint8Array {
    const read = view(bytes)
    const all = this.#rest.length === 0 ? read : Buffer.concat([this.#rest, read])
    const end = endsWithEvent(all) ? all.length : lastEventEnd(all)
    this.#rest = end === all.length ? NOTHING : Buffer.from(all.subarray(end))
    if (end > 0) this.#isDone = endsWithDone(all, end, this.#isDone)
    return end === all.length ? all : all.subarray(0, end)
  }

  /** What is left at the end of the stream: an event without its blank line, or a part of one. */
  rest(): Uint8Array {
    return this.#rest
  }

  /** Whether a `[DONE]` without its blank line is what is left. */
  get isRestDone(): boolean {
    const text = this.#rest.toString('latin1').trim()
    return text === 'data: [DONE]' || text === 'data:[DONE]'
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function endsWithEvent(bytes: Buffer): boolean {
  const { length } = bytes
  if (length < 2 || bytes[length - 1] !== LF) return false
  return (
    bytes[length - 2] === LF ||
    (bytes[length - 2] === CR && bytes[length - 3] === LF && bytes[length - 4] === CR)
  )
}

function lastEventEnd(bytes: Buffer): number {
  const lf = bytes.lastIndexOf(LF_END)
  const crlf = bytes.lastIndexOf(CRLF_END)
  return Math.max(lf < 0 ? 0 : lf + LF_END.length, crlf < 0 ? 0 : crlf + CRLF_END.length)
}

/**
 * Whether `[DONE]` is the whole of the last event: the text may stand inside a payload, too. Stray blank lines are no
 * event: `before` stands.
 */
function endsWithDone(bytes: Buffer, end: number, before: boolean): boolean {
  let last = end
  while (last > 0 && (bytes[last - 1] === LF || bytes[last - 1] === CR)) last--
  if (last === 0) return before
  if (bytes[last - 1] !== 0x5d) return false
  return isLine(bytes, last, DONE) || isLine(bytes, last, DONE_TIGHT)
}

function isLine(bytes: Buffer, end: number, line: Buffer): boolean {
  const start = end - line.length
  if (start < 0 || bytes.compare(line, 0, line.length, start, end) !== 0) return false
  return start === 0 || bytes[start - 1] === LF || bytes[start - 1] === CR
}
