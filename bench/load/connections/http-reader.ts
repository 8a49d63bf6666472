/**
 * Parses HTTP/1.1 responses from a socket, wherever the bytes are split. Hot path: copies no body and makes no closures.
 *
 * Stricter than a client has to be: every deviation from the protocol is a fault of the server under test.
 */

/** Callbacks for one response, called in this order. */
export interface ResponseListener {
  onHead(status: number, headers: ReadonlyMap<string, string>): void
  /** `bytes` is a view that is valid during the call only. */
  onData(bytes: Buffer): void
  onEnd(): void
}

type State = 'head' | 'length' | 'size-line' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'done'

const HEAD_LIMIT_BYTES = 64 * 1024
const LINE_LIMIT_BYTES = 1024
const LF = 10
const EMPTY = Buffer.alloc(0)

export class HttpReader {
  readonly #listener: ResponseListener
  #state: State = 'done'
  /** The part of an incomplete head or line received so far. */
  #partial: Buffer = EMPTY
  /** Bytes still missing from the body or from the current chunk. */
  #left = 0
  isKeptAlive = true

  constructor(listener: ResponseListener) {
    this.#listener = listener
  }

  /** Prepares for the next response. */
  begin(): void {
    this.#state = 'head'
    this.#partial = EMPTY
    this.isKeptAlive = true
  }

  get isDone(): boolean {
    return this.#state === 'done'
  }

  /** @returns the protocol error in the bytes, undefined if there is none. */
  push(bytes: Buffer): string | undefined {
    let rest = bytes
    while (rest.length > 0) {
      if (this.#state === 'done') return 'bytes after the end of the response'
      const used = this.#step(rest)
      if (typeof used === 'string') return used
      rest = rest.subarray(used)
    }
    return undefined
  }

  /** Called when the server has closed its side. @returns whether the response is complete. */
  close(): boolean {
    if (this.#state === 'until-close') this.#finish()
    return this.#state === 'done'
  }

  /** Consumes some of the bytes. @returns how many, or the protocol error. */
  #step(bytes: Buffer): number | string {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes)
      case 'length':
      case 'chunk':
        return this.#takeBody(bytes)
      case 'size-line':
      case 'chunk-end':
      case 'trailer':
        return this.#takeLine(bytes)
      case 'until-close':
        this.#listener.onData(bytes)
        return bytes.length
      case 'done':
        return 0
    }
  }

  #takeHead(bytes: Buffer): number | string {
    const before = this.#partial.length
    const all = before === 0 ? bytes : Buffer.concat([this.#partial, bytes])
    const end = all.indexOf('\r\n\r\n', Math.max(0, before - 3))
    if (end < 0) {
      if (all.length > HEAD_LIMIT_BYTES) return 'the head is too long'
      this.#partial = Buffer.from(all)
      return bytes.length
    }
    this.#partial = EMPTY
    return this.#readHead(all.toString('latin1', 0, end)) ?? end + 4 - before
  }

  #readHead(text: string): string | undefined {
    const [first = '', ...lines] = text.split('\r\n')
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1] ?? Number.NaN)
    if (Number.isNaN(status)) return 'no status line'
    // An informational response; the final one follows.
    if (status < 200) return undefined
    const headers = headersOf(lines)
    if (headers === undefined) return 'a header line without a colon'
    this.isKeptAlive = headers.get('connection')?.toLowerCase() !== 'close' && first.startsWith('HTTP/1.1')
    this.#listener.onHead(status, headers)
    return this.#expectBody(status, headers)
  }

  #expectBody(status: number, headers: ReadonlyMap<string, string>): string | undefined {
    const length = headers.get('content-length')
    const isChunked = headers.get('transfer-encoding')?.toLowerCase() === 'chunked'
    if (length !== undefined) {
      if (isChunked) return 'both content-length and transfer-encoding'
      if (!/^\d+$/.test(length)) return 'content-length is not a number'
    }
    if (isChunked) this.#state = 'size-line'
    else if (isBodiless(status) || length === '0') this.#finish()
    else if (length !== undefined) this.#expect('length', Number(length))
    else {
      this.#state = 'until-close'
      this.isKeptAlive = false
    }
    return undefined
  }

  #expect(state: 'length' | 'chunk', left: number): void {
    this.#state = state
    this.#left = left
  }

  #takeBody(bytes: Buffer): number {
    const used = Math.min(bytes.length, this.#left)
    this.#left -= used
    this.#listener.onData(used === bytes.length ? bytes : bytes.subarray(0, used))
    if (this.#left > 0) return used
    if (this.#state === 'chunk') this.#state = 'chunk-end'
    else this.#finish()
    return used
  }

  #takeLine(bytes: Buffer): number | string {
    const end = bytes.indexOf(LF)
    const used = end < 0 ? bytes.length : end + 1
    this.#partial = Buffer.concat([this.#partial, bytes.subarray(0, used)])
    if (this.#partial.length > LINE_LIMIT_BYTES) return 'a line of the chunked coding is too long'
    if (end < 0) return used
    const line = this.#partial.toString('latin1')
    this.#partial = EMPTY
    if (!line.endsWith('\r\n')) return 'a line of the chunked coding ends without CR'
    return this.#readLine(line.slice(0, -2)) ?? used
  }

  #readLine(line: string): string | undefined {
    if (this.#state === 'chunk-end') {
      this.#state = 'size-line'
      return line === '' ? undefined : 'a chunk is longer than its size'
    }
    if (this.#state === 'trailer') {
      if (line === '') this.#finish()
      return undefined
    }
    const size = /^([\da-fA-F]{1,8})(?:;.*)?$/.exec(line)?.[1]
    if (size === undefined) return 'the size of a chunk is not a number'
    if (/^0+$/.test(size)) this.#state = 'trailer'
    else this.#expect('chunk', Number.parseInt(size, 16))
    return undefined
  }

  #finish(): void {
    this.#state = 'done'
    this.#listener.onEnd()
  }
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 304
}

function headersOf(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) return undefined
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return headers
}
