/**
 * Parses server-sent events from bytes that may be split anywhere, even inside a character.
 *
 * Lines end with LF, CR LF or CR, in any mixture. Only `data` fields count. An event without its final
 * blank line is dropped, as the standard requires.
 */
import { StringDecoder } from 'node:string_decoder'

export class SseReader {
  readonly #onEvent: (data: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #line = ''
  /** The last read ended with a CR, which may be the first half of a CR LF. */
  #hasCr = false
  #data: string | undefined

  constructor(onEvent: (data: string) => void) {
    this.#onEvent = onEvent
  }

  push(bytes: Buffer): void {
    const text = this.#line + this.#decoder.write(bytes)
    if (this.#hasCr || text.includes('\r')) return this.#pushMixed(text)
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      this.#take(text.slice(from, end))
      from = end + 1
    }
    this.#line = text.slice(from)
  }

  /** A CR ends its line at once; the LF of a CR LF, which may be in the next read, belongs to it. */
  #pushMixed(text: string): void {
    const rest = this.#hasCr && text.startsWith('\n') ? text.slice(1) : text
    this.#hasCr = rest === '' ? text === '' && this.#hasCr : rest.endsWith('\r')
    const lines = rest.split(/\r\n|\n|\r/)
    this.#line = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
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
