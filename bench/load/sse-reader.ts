/**
 * Reads server-sent events from bytes that are cut anywhere, inside a character too.
 *
 * Lines end with LF or CR LF (no server that we know sends a lone CR). Only `data` counts; comments and other fields
 * are passed over. An event without the blank line that ends it is never told of, as the standard has it.
 */
import { StringDecoder } from 'node:string_decoder'

export class SseReader {
  readonly #onEvent: (data: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #line = ''
  #data: string | undefined

  constructor(onEvent: (data: string) => void) {
    this.#onEvent = onEvent
  }

  push(bytes: Buffer): void {
    const text = this.#line + this.#decoder.write(bytes)
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const isCrLf = end > from && text.codePointAt(end - 1) === 13
      this.#take(text.slice(from, isCrLf ? end - 1 : end))
      from = end + 1
    }
    this.#line = text.slice(from)
  }

  /** Whether something has come after the last whole event. */
  get isInsideEvent(): boolean {
    return this.#line !== '' || this.#data !== undefined
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch()
    if (!line.startsWith('data:')) return
    const value = line.startsWith('data: ') ? line.slice(6) : line.slice(5)
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
  }

  #dispatch(): void {
    const data = this.#data
    this.#data = undefined
    if (data !== undefined) this.#onEvent(data)
  }
}
