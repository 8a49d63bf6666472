/**
 * The committed part of a stream on its way through: whole events only.
 *
 * A partial event is held back until its end is there. So whatever happens to the engine, what the client has had
 * ends at an event, and an error event of ours can follow. Hot path: no parsing, no strings, no copy of a read that
 * ends with an event, which is the usual one.
 */
import { asBuffer } from '../json/bytes.ts'

const LF = 0x0a
const CR = 0x0d
const DONE = Buffer.from('data: [DONE]')
const DONE_TIGHT = Buffer.from('data:[DONE]')
const CRLF_END = Buffer.from('\r\n\r\n')
const LF_END = Buffer.from('\n\n')
const NOTHING = Buffer.alloc(0)
/** Bytes of a blank line that may be on either side of a cut. */
const SEAM = CRLF_END.length - 1

export class EventFramer {
  /** The partial event, in pieces: joined once it is whole, so that a long one is not copied with every read. */
  readonly #held: Buffer[] = []
  #heldBytes = 0
  #isDone = false

  /** Whether the last whole event was `[DONE]`. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Of the partial event. Not bounded here: an event without an end is for the caller to give up. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The whole events that the bytes complete; empty when there are none. A view, or a copy when a rest was held. */
  push(bytes: Uint8Array): Uint8Array {
    const read = asBuffer(bytes)
    if (this.#held.length > 0 && !this.#completes(read)) {
      // An empty piece would hide a byte of a blank line from the next look.
      if (read.length > 0) this.#hold(read)
      return NOTHING
    }
    const all = this.#held.length === 0 ? read : this.#joinedWith(read)
    const end = endsWithEvent(all) ? all.length : lastEventEnd(all)
    if (end < all.length) this.#hold(all.subarray(end))
    if (end > 0) this.#isDone = endsWithDone(all, end, this.#isDone)
    return end === all.length ? all : all.subarray(0, end)
  }

  /** What is left at the end of the stream: an event without its blank line, or a part of one. */
  rest(): Uint8Array {
    return Buffer.concat(this.#held)
  }

  /** Whether a `[DONE]` without its blank line is what is left. */
  get isRestDone(): boolean {
    const text = Buffer.concat(this.#held).toString('latin1').trim()
    return text === 'data: [DONE]' || text === 'data:[DONE]'
  }

  #hold(bytes: Buffer): void {
    this.#held.push(Buffer.from(bytes))
    this.#heldBytes += bytes.length
  }

  #joinedWith(read: Buffer): Buffer {
    this.#heldBytes = 0
    return Buffer.concat([...this.#held.splice(0), read])
  }

  /** Whether an event ends in the read, or where it meets what is held. */
  #completes(read: Buffer): boolean {
    if (read.includes(LF_END) || read.includes(CRLF_END)) return true
    // A blank line may be cut into single bytes: the last few pieces and the first bytes of the read show it.
    const seam = Buffer.concat(
      [...this.#held.slice(-SEAM), read.subarray(0, SEAM)].map(piece => piece.subarray(-SEAM)),
    )
    return lastEventEnd(seam) > 0
  }
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
