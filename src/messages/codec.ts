/**
 * Wire form of a batch: rows one after the other, each a fixed prefix, a msgpack header where there is one, raw bytes.
 *
 *   0 kind u8 · 1 body is beside the rows u8 · 4 id u32 · 8 header length u32 (credit: the granted bytes) · 12 body length u32 · header · body
 *
 * Little endian. A chunk, end, abort or credit row costs no msgpack call. Both threads run the same build, so no
 * version travels. The only import of msgpackr. Who sends a batch, and when, is `channel.ts`.
 */
import { Packr } from 'msgpackr'
import { ENDPOINTS, type Endpoint } from '../core/endpoint.ts'
import type { FlatHeaders, OpenMessage } from './types.ts'

const KIND = { open: 1, abort: 2, credit: 3, head: 4, chunk: 5, end: 6, answer: 7 } as const
const PREFIX_BYTES = 16
/** A writer that grew past this gives its memory back with the batch. */
const KEPT_BYTES = 256 * 1024

const packr = new Packr({ useRecords: false })
const NO_BYTES = new Uint8Array(0)
const ENDPOINT_CODES = new Map<Endpoint, number>(ENDPOINTS.map((endpoint, code) => [endpoint, code]))

/** One method a kind. Views given to it live in the batch. A row without a method is skipped. */
export interface RowSink {
  onOpen(message: OpenMessage): void
  onAbort(id: number): void
  onCredit(id: number, bytes: number): void
  onHead(id: number, status: number, headers: FlatHeaders): void
  onData(id: number, bytes: Uint8Array): void
  onEnd(id: number): void
  onResponse(id: number, answer: WholeResponse): void
}

export interface WholeResponse {
  readonly status: number
  readonly headers: FlatHeaders
  readonly body: Uint8Array
}

/** The body of a request or an answer of this size or more travels in a buffer of its own, beside the rows: one copy in place of three. */
export const ATTACHED_BYTES = 8 * 1024

/** What one message carries: the rows, and behind them the large bodies in the order of their rows. */
export type Batch =
  | Uint8Array<ArrayBuffer>
  | readonly [rows: Uint8Array<ArrayBuffer>, ...bodies: Uint8Array[]]

export function isBatch(message: unknown): message is Batch {
  return message instanceof Uint8Array || Array.isArray(message)
}

/**
 * Collects rows; every argument is copied at the call, large bodies in shared memory aside: those are only pointed at,
 * and both sides have them afterwards. Reused from batch to batch.
 */
export class BatchWriter {
  #bytes = new Uint8Array(16 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  #bodies: Uint8Array[] = []
  #bodiesBytes = 0
  /** Where the last row starts when it is a chunk, else -1: the next chunk of that stream is joined to it. */
  #lastChunk = -1

  /** Bytes to be sent. */
  get length(): number {
    return this.#length + this.#bodiesBytes
  }

  open(message: OpenMessage): void {
    const { endpoint, method, query, creditBytes, ageMs, headers } = message
    const fields = [ENDPOINT_CODES.get(endpoint), method === 'POST', query, creditBytes, ageMs, ...headers]
    this.#row(KIND.open, message.id, packr.pack(fields), message.body)
  }

  abort(id: number): void {
    this.#row(KIND.abort, id, NO_BYTES, NO_BYTES)
  }

  credit(id: number, bytes: number): void {
    const start = this.#row(KIND.credit, id, NO_BYTES, NO_BYTES)
    this.#view.setUint32(start + 8, bytes, true)
  }

  head(id: number, status: number, headers: FlatHeaders): void {
    this.#row(KIND.head, id, packr.pack([status, ...headers]), NO_BYTES)
  }

  chunk(id: number, bytes: Uint8Array): void {
    const last = this.#lastChunk
    if (last < 0 || this.#view.getUint32(last + 4, true) !== id) {
      this.#lastChunk = this.#row(KIND.chunk, id, NO_BYTES, bytes)
      return
    }
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    this.#view.setUint32(last + 12, this.#length - last - PREFIX_BYTES, true)
  }

  end(id: number): void {
    this.#row(KIND.end, id, NO_BYTES, NO_BYTES)
  }

  answer(id: number, answer: WholeResponse): void {
    this.#row(KIND.answer, id, packr.pack([answer.status, ...answer.headers]), answer.body)
  }

  /** The batch, in buffers of exactly their size that nobody else holds (shared ones aside); the writer is empty afterwards. */
  take(): Batch {
    const isExact = this.#length === this.#bytes.length
    const batch = isExact ? this.#bytes : this.#bytes.slice(0, this.#length)
    if (isExact || this.#bytes.length > KEPT_BYTES) this.#replace(new Uint8Array(16 * 1024))
    this.#length = 0
    this.#lastChunk = -1
    const bodies = this.#bodies
    if (bodies.length === 0) return batch
    this.#bodies = []
    this.#bodiesBytes = 0
    return [batch, ...bodies]
  }

  #row(kind: number, id: number, header: Uint8Array, body: Uint8Array): number {
    const isAttached = kind !== KIND.chunk && body.length >= ATTACHED_BYTES
    const inlineBytes = isAttached ? 0 : body.length
    this.#reserve(PREFIX_BYTES + header.length + inlineBytes)
    const start = this.#length
    this.#view.setUint8(start, kind)
    this.#view.setUint8(start + 1, isAttached ? 1 : 0)
    this.#view.setUint32(start + 4, id, true)
    this.#view.setUint32(start + 8, header.length, true)
    this.#view.setUint32(start + 12, inlineBytes, true)
    if (header.length > 0) this.#bytes.set(header, start + PREFIX_BYTES)
    if (isAttached) this.#attach(body)
    else if (inlineBytes > 0) this.#bytes.set(body, start + PREFIX_BYTES + header.length)
    this.#length = start + PREFIX_BYTES + header.length + inlineBytes
    this.#lastChunk = -1
    return start
  }

  #attach(body: Uint8Array): void {
    this.#bodies.push(body.buffer instanceof SharedArrayBuffer ? body : new Uint8Array(body))
    this.#bodiesBytes += body.length
  }

  /** A large row in an empty writer gets a buffer of exactly its size, which `take` then hands over uncopied. */
  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const bytes = new Uint8Array(this.#length === 0 ? needed : Math.max(needed, 2 * this.#bytes.length))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#replace(bytes)
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}

/** @throws RangeError when the batch is cut short or holds an unknown kind: a bug of ours. */
export function decodeBatch(batch: Batch, sink: Partial<RowSink>): void {
  if (batch instanceof Uint8Array) {
    decodeRows(batch, [], sink)
    return
  }
  const [rows, ...bodies] = batch
  decodeRows(rows, bodies, sink)
}

/** `bodies` is used up from its front. */
function decodeRows(rows: Uint8Array, bodies: Uint8Array[], sink: Partial<RowSink>): void {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  let start = 0
  while (start < rows.length) {
    const kind = view.getUint8(start)
    const id = view.getUint32(start + 4, true)
    const header = view.getUint32(start + 8, true)
    const bodyStart = start + PREFIX_BYTES + (kind === KIND.credit ? 0 : header)
    const end = bodyStart + view.getUint32(start + 12, true)
    if (end > rows.length) throw new RangeError('batch is cut short')
    if (kind === KIND.chunk) {
      sink.onData?.(id, rows.subarray(bodyStart, end))
    } else if (header === 0 || kind === KIND.credit) {
      giveBare(sink, kind, id, header)
    } else {
      const isAttached = view.getUint8(start + 1) === 1
      const body = isAttached ? takeBody(bodies) : rows.subarray(bodyStart, end)
      giveHeaded(sink, kind, id, { header: rows.subarray(start + PREFIX_BYTES, bodyStart), body })
    }
    start = end
  }
}

function giveBare(sink: Partial<RowSink>, kind: number, id: number, value: number): void {
  if (kind === KIND.credit) sink.onCredit?.(id, value)
  else if (kind === KIND.end) sink.onEnd?.(id)
  else if (kind === KIND.abort) sink.onAbort?.(id)
  else throw new RangeError(`unknown kind of row: ${kind}`)
}

function takeBody(bodies: Uint8Array[]): Uint8Array {
  const body = bodies.shift()
  if (body === undefined) throw new RangeError('a large body did not come with its batch')
  return body
}

interface HeadedRow {
  readonly header: Uint8Array
  readonly body: Uint8Array
}

function giveHeaded(sink: Partial<RowSink>, kind: number, id: number, { header, body }: HeadedRow): void {
  if (kind === KIND.open) {
    sink.onOpen?.(toOpen(id, header, body))
    return
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are this build
  const [status, ...headers] = packr.unpack(header) as [number, ...string[]]
  if (kind === KIND.head) sink.onHead?.(id, status, headers)
  else if (kind === KIND.answer) sink.onResponse?.(id, { status, headers, body })
  else throw new RangeError(`unknown kind of row: ${kind}`)
}

function toOpen(id: number, header: Uint8Array, body: Uint8Array): OpenMessage {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are this build
  const fields = packr.unpack(header) as [number, boolean, string, number, number, ...string[]]
  const [code, isPost, query, creditBytes, ageMs, ...headers] = fields
  const endpoint = ENDPOINTS[code]
  if (endpoint === undefined) throw new RangeError(`unknown code of an endpoint: ${code}`)
  const method = isPost ? 'POST' : 'GET'
  return { kind: 'open', id, endpoint, method, query, headers, creditBytes, ageMs, body }
}
