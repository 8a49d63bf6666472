/**
 * Parses server-sent events from bytes that may be split anywhere, even inside a character.
 *
 * Lines end with LF or CR LF; no known server sends a lone CR. Only `data` fields count. An event without its final
 * blank line is dropped, as the standard requires.
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

  /** Whether bytes have arrived after the last complete event. */
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
