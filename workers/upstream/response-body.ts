/** Status, headers and body of one leg's answer as they come in. Holds bytes, judges nothing. */
import { headerIn, isEventStream } from '../../src/messages/flat-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'

const NOTHING = new Uint8Array(0)

export class ResponseBody {
  status = 0
  headers: FlatHeaders = []
  #pieces: Uint8Array[] = []
  #bytes = 0
  readonly #limitBytes: number

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Bytes so far, those that were dropped included. */
  get length(): number {
    return this.#bytes
  }

  /** Redirects are not followed. */
  get isError(): boolean {
    return this.status >= 300
  }

  get isEventStream(): boolean {
    return isEventStream(this.headers)
  }

  start(status: number, headers: FlatHeaders): void {
    this.status = status
    this.headers = headers
  }

  /** Keeps a copy. `false` when the body has outgrown its limit; the bytes are dropped then. */
  add(bytes: Uint8Array): boolean {
    this.#bytes += bytes.length
    if (this.#bytes > this.#limitBytes) return false
    this.#pieces.push(Buffer.from(bytes))
    return true
  }

  /** All bytes so far. The body is kept: a second call gives the same. */
  joined(): Uint8Array {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0] ?? NOTHING
  }

  header(name: string): string | undefined {
    return headerIn(this.headers, name)
  }
}
