/** Collects the status, headers and body of a response. Does not interpret them. */
import { headerIn, isEventStream } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'

const NO_BYTES = new Uint8Array(0)

/** Counts the bytes of responses that are held. */
export interface HeldBytes {
  holdMore(bytes: number): void
}

export class ResponseBody {
  /** 0 until the head has arrived. */
  status = 0
  headers: FlatHeaders = []
  #parts: Uint8Array[] = []
  #length = 0
  /** The parts joined so far, of a complete body only. */
  #whole: Buffer | undefined
  #joinedParts = 0
  #joinedBytes = 0
  readonly #limitBytes: number
  readonly #held: HeldBytes | undefined

  /** `held` counts all bytes that are stored. */
  constructor(limitBytes: number, held?: HeldBytes) {
    this.#limitBytes = limitBytes
    this.#held = held
  }

  /** Bytes received so far, including those that were dropped. */
  get length(): number {
    return this.#length
  }

  /** Redirects count as errors, because they are not followed. */
  get isError(): boolean {
    return this.status >= 300
  }

  get isEventStream(): boolean {
    return isEventStream(this.headers)
  }

  /** The content coding (RFC 9110 section 8.4); `undefined` if the body is not coded. */
  get coding(): string | undefined {
    const coding = headerIn(this.headers, 'content-encoding')
    return coding === undefined || coding === '' || coding.toLowerCase() === 'identity' ? undefined : coding
  }

  start(status: number, headers: FlatHeaders): void {
    this.status = status
    this.headers = headers
  }

  /** Stores a copy. Returns `false` and drops the bytes if the body exceeds its limit. */
  add(bytes: Uint8Array): boolean {
    this.#length += bytes.length
    if (this.#length > this.#limitBytes) return false
    this.#parts.push(Buffer.from(bytes))
    this.#held?.holdMore(bytes.length)
    return true
  }

  /** Joins about `maxBytes` more of the body. Returns whether all of it is joined, so that `joined` costs nothing. */
  joinNext(maxBytes: number): boolean {
    const [first] = this.#parts
    if (this.#parts.length <= 1 || first === undefined) return true
    if (this.#whole === undefined) this.#whole = Buffer.allocUnsafeSlow(this.#length)
    let left = maxBytes
    for (; left > 0 && this.#joinedParts < this.#parts.length; this.#joinedParts++) {
      const part = this.#parts[this.#joinedParts]
      if (part === undefined) continue
      this.#whole.set(part, this.#joinedBytes)
      this.#joinedBytes += part.length
      left -= part.length
    }
    if (this.#joinedParts < this.#parts.length) return false
    this.#parts = [this.#whole]
    this.#whole = undefined
    return true
  }

  /** The body so far. It is kept, so a second call returns the same bytes. */
  joined(): Uint8Array {
    if (this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts)]
    return this.#parts[0] ?? NO_BYTES
  }

  header(name: string): string | undefined {
    return headerIn(this.headers, name)
  }
}
