/**
 * Passes on a server-sent event stream in whole events only.
 *
 * A partial event is held until its end arrives. Whatever happens to the engine, the client has then received whole
 * events, and the gateway can append an error event. Hot path: no parsing, no strings, and no copy of a read that ends
 * with an event, as most do.
 *
 * An event ends with an empty line, and a line with LF, CR LF or CR, in any mixture (WHATWG HTML section 9.2.5). The CR of
 * a CR LF may end an event before its LF has arrived; the LF then follows by itself.
 */
import { asBuffer } from '../json/bytes.ts'

const LF = 0x0a
const CR = 0x0d
const LF_END = Buffer.from('\n\n')
const NO_BYTES = Buffer.alloc(0)
/** Bytes of an event's end (CR LF CR LF) that may be on either side of a read boundary. */
const SEAM_BYTES = 3

export class EventFramer {
  /** The partial event in pieces. Joined only when it is complete, so that a long event is not copied on every read. */
  readonly #held: Buffer[] = []
  #heldBytes = 0
  /** The last event ended with a CR, to which the LF at the start of the next read belongs. */
  #hasOpenCr = false

  /** Length of the partial event. Not limited here: the caller must give up on an event that does not end. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Returns the events that `bytes` completes, possibly none: a view of `bytes`, or a copy if a partial event was held. */
  push(bytes: Uint8Array): Uint8Array {
    const read = asBuffer(bytes)
    if (this.#held.length > 0 && !this.#completes(read)) {
      // An empty piece would displace a byte of an empty line from the seam.
      if (read.length > 0) this.#hold(read)
      return NO_BYTES
    }
    const block = this.#held.length === 0 ? read : this.#joinedWith(read)
    const end = endsWithEvent(block) ? block.length : Math.max(lastEventEnd(block), this.#openLineEnd(block))
    if (end === block.length) {
      if (end > 0) this.#hasOpenCr = block[end - 1] === CR
      return block
    }
    this.#hasOpenCr = false
    this.#hold(block.subarray(end))
    return block.subarray(0, end)
  }

  /** The bytes held at the end of the stream: an event without its empty line, or part of an event. */
  rest(): Uint8Array {
    return Buffer.concat(this.#held)
  }

  #openLineEnd(block: Buffer): number {
    return this.#hasOpenCr && block[0] === LF ? 1 : 0
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
    if (lastEventEnd(read) > 0) return true
    // An event's end may be split into single bytes, so the seam spans the last few pieces and the start of the read.
    const seam = Buffer.concat(
      [...this.#held.slice(-SEAM_BYTES), read.subarray(0, SEAM_BYTES)].map(piece =>
        piece.subarray(-SEAM_BYTES),
      ),
    )
    return lastEventEnd(seam) > 0
  }
}

/** The two ways in which nearly all servers end an event. */
function endsWithEvent(bytes: Buffer): boolean {
  const { length } = bytes
  if (length < 2 || bytes[length - 1] !== LF) return false
  return (
    bytes[length - 2] === LF ||
    (bytes[length - 2] === CR && bytes[length - 3] === LF && bytes[length - 4] === CR)
  )
}

/** Where the last event ends; 0 if none does. JSON has no raw CR, so nearly always one native search is enough. */
function lastEventEnd(bytes: Buffer): number {
  if (bytes.includes(CR)) return lastEmptyLineEnd(bytes)
  const start = bytes.lastIndexOf(LF_END)
  return start < 0 ? 0 : start + LF_END.length
}

/** Searches backwards for two line ends in a row. */
function lastEmptyLineEnd(bytes: Buffer): number {
  for (let end = bytes.length; end >= 2; end--) {
    const before = startOfLineEnd(bytes, end)
    if (before < end && startOfLineEnd(bytes, before) < before) return end
  }
  return 0
}

/** Where the line end that ends at `end` starts; `end` if there is none. */
function startOfLineEnd(bytes: Buffer, end: number): number {
  const last = bytes[end - 1]
  if (last === LF) return bytes[end - 2] === CR ? end - 2 : end - 1
  return last === CR ? end - 1 : end
}
