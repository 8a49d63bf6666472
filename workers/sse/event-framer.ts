/**
 * Passes on a server-sent event stream in whole events only.
 *
 * A partial event is held until its end arrives. Whatever happens to the engine, the client has then received whole
 * events, and the gateway can append an error event. Hot path: no parsing, no strings, and no copy of a read that ends
 * with an event, as most do.
 */
import { asBuffer } from '../json/bytes.ts'

const LF = 0x0a
const CR = 0x0d
const DONE = Buffer.from('data: [DONE]')
const DONE_TIGHT = Buffer.from('data:[DONE]')
const CRLF_END = Buffer.from('\r\n\r\n')
const LF_END = Buffer.from('\n\n')
const NO_BYTES = Buffer.alloc(0)
/** Bytes of a blank line that may be on either side of a read boundary. */
const SEAM_BYTES = CRLF_END.length - 1

export class EventFramer {
  /** The partial event in pieces. Joined only when it is complete, so that a long event is not copied on every read. */
  readonly #held: Buffer[] = []
  #heldBytes = 0
  #isDone = false

  /** Whether the last whole event was `[DONE]`. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Length of the partial event. Not limited here: the caller must give up on an event that does not end. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Returns the events that `bytes` completes, possibly none: a view of `bytes`, or a copy if a partial event was held. */
  push(bytes: Uint8Array): Uint8Array {
    const read = asBuffer(bytes)
    if (this.#held.length > 0 && !this.#completes(read)) {
      // An empty piece would displace a byte of a blank line from the seam.
      if (read.length > 0) this.#hold(read)
      return NO_BYTES
    }
    const block = this.#held.length === 0 ? read : this.#joinedWith(read)
    const end = endsWithEvent(block) ? block.length : lastEventEnd(block)
    if (end < block.length) this.#hold(block.subarray(end))
    if (end > 0) this.#isDone = endsWithDone(block, end, this.#isDone)
    return end === block.length ? block : block.subarray(0, end)
  }

  /** The bytes held at the end of the stream: an event without its blank line, or part of an event. */
  rest(): Uint8Array {
    return Buffer.concat(this.#held)
  }

  /** Whether the held bytes are a `[DONE]` event without its blank line. */
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

  /** Whether an event ends within the read, or at the seam between the held bytes and the read. */
  #completes(read: Buffer): boolean {
    if (read.includes(LF_END) || read.includes(CRLF_END)) return true
    // A blank line may be split into single bytes, so the seam spans the last few pieces and the start of the read.
    const seam = Buffer.concat(
      [...this.#held.slice(-SEAM_BYTES), read.subarray(0, SEAM_BYTES)].map(piece =>
        piece.subarray(-SEAM_BYTES),
      ),
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
 * Whether the last event is exactly `[DONE]`; the text may also occur within a payload. If there are only blank lines,
 * which are no event, the result is `before`.
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
