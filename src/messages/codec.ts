/**
 * Wire form of a batch: a sequence of rows, each a fixed prefix, an optional msgpack header, and raw bytes.
 *
 *   offset  0  kind            u8
 *           1  body attached   u8   1: the body is not in the row but in a buffer of its own, see `Batch`
 *           4  exchange id     u32
 *           8  header length   u32  a `credit` row has no header and stores the granted bytes here
 *          12  body length     u32  0 if the body is attached
 *          16  header, then body
 *
 * Little endian. Rows of the hot path (`data`, `end`, `abort`, `credit`) and `broken` need no header and no msgpack call.
 * Both threads run the same build, so the format carries no version. When a batch is sent is decided in `channel.ts`.
 */
import { Packr } from 'msgpackr'
import { ENDPOINTS, type Endpoint } from '../core/endpoint.ts'
import type { FlatHeaders, OpenMessage, RowHandler, Rows, RowWriter, WholeResponse } from './types.ts'

type Kinds = Readonly<Record<keyof Rows, number>>

const KIND: Kinds = { open: 1, abort: 2, credit: 3, head: 4, data: 5, end: 6, response: 7, broken: 8 }

const OFFSET = { kind: 0, isAttached: 1, id: 4, headerBytes: 8, bodyBytes: 12 } as const
const PREFIX_BYTES = 16
const INITIAL_BYTES = 16 * 1024
/** A writer whose buffer has grown beyond this size replaces it after the batch. */
const MAX_KEPT_BYTES = 256 * 1024

const packr = new Packr({ useRecords: false })
const NO_BYTES = new Uint8Array(0)
const ENDPOINT_CODES = new Map<Endpoint, number>(ENDPOINTS.map((endpoint, code) => [endpoint, code]))

/** Bodies of requests and whole responses of at least this size travel in their own buffer: one copy instead of three. */
export const ATTACHED_BYTES = 8 * 1024

/** The content of one message: the rows, then the attached bodies in the order of their rows. */
export type Batch =
  | Uint8Array<ArrayBuffer>
  | readonly [rows: Uint8Array<ArrayBuffer>, ...bodies: Uint8Array[]]

export function isBatch(message: unknown): message is Batch {
  return message instanceof Uint8Array || Array.isArray(message)
}

/**
 * Collects rows. Copies its arguments during the call, except large bodies in shared memory: the batch refers to those,
 * and both threads can read them afterwards. Reused from batch to batch.
 */
export class BatchWriter implements RowWriter {
  #bytes = new Uint8Array(INITIAL_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  #bodies: Uint8Array[] = []
  #bodiesBytes = 0
  /** Start of the last row if it is a `data` row, else -1. More data of the same exchange is appended to that row. */
  #lastData = -1

  /** Bytes in the batch so far, attached bodies included. */
  get length(): number {
    return this.#length + this.#bodiesBytes
  }

  open(message: OpenMessage): void {
    const { endpoint, method, query, creditBytes, ageMs, aborted, headers } = message
    const code = ENDPOINT_CODES.get(endpoint)
    const fields = [code, method === 'POST', query, creditBytes, ageMs, aborted, ...headers]
    this.#row(KIND.open, message.id, packr.pack(fields), message.body)
  }

  abort(id: number): void {
    this.#row(KIND.abort, id, NO_BYTES, NO_BYTES)
  }

  credit(id: number, bytes: number): void {
    const start = this.#row(KIND.credit, id, NO_BYTES, NO_BYTES)
    this.#view.setUint32(start + OFFSET.headerBytes, bytes, true)
  }

  head(id: number, status: number, headers: FlatHeaders): void {
    this.#row(KIND.head, id, packr.pack([status, ...headers]), NO_BYTES)
  }

  data(id: number, bytes: Uint8Array): void {
    const last = this.#lastData
    if (last < 0 || this.#view.getUint32(last + OFFSET.id, true) !== id) {
      this.#lastData = this.#row(KIND.data, id, NO_BYTES, bytes)
      return
    }
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    this.#view.setUint32(last + OFFSET.bodyBytes, this.#length - last - PREFIX_BYTES, true)
  }

  end(id: number): void {
    this.#row(KIND.end, id, NO_BYTES, NO_BYTES)
  }

  broken(id: number, lastEvent: Uint8Array): void {
    this.#row(KIND.broken, id, NO_BYTES, lastEvent)
  }

  response(id: number, { status, headers, body }: WholeResponse): void {
    this.#row(KIND.response, id, packr.pack([status, ...headers]), body)
  }

  /** The rows so far, in memory that the caller owns (attached shared memory aside). The writer is empty afterwards. */
  take(): Batch {
    const isExact = this.#length === this.#bytes.length
    const batch = isExact ? this.#bytes : this.#bytes.slice(0, this.#length)
    if (isExact || this.#bytes.length > MAX_KEPT_BYTES) this.#replace(new Uint8Array(INITIAL_BYTES))
    this.#length = 0
    this.#lastData = -1
    const bodies = this.#bodies
    if (bodies.length === 0) return batch
    this.#bodies = []
    this.#bodiesBytes = 0
    return [batch, ...bodies]
  }

  /** Returns where the row starts. */
  #row(kind: number, id: number, header: Uint8Array, body: Uint8Array): number {
    const isAttached = header.length > 0 && body.length >= ATTACHED_BYTES
    const inlineBytes = isAttached ? 0 : body.length
    this.#reserve(PREFIX_BYTES + header.length + inlineBytes)
    const start = this.#length
    this.#view.setUint8(start + OFFSET.kind, kind)
    this.#view.setUint8(start + OFFSET.isAttached, isAttached ? 1 : 0)
    this.#view.setUint32(start + OFFSET.id, id, true)
    this.#view.setUint32(start + OFFSET.headerBytes, header.length, true)
    this.#view.setUint32(start + OFFSET.bodyBytes, inlineBytes, true)
    if (header.length > 0) this.#bytes.set(header, start + PREFIX_BYTES)
    if (isAttached) this.#attach(body)
    else if (inlineBytes > 0) this.#bytes.set(body, start + PREFIX_BYTES + header.length)
    this.#length = start + PREFIX_BYTES + header.length + inlineBytes
    this.#lastData = -1
    return start
  }

  #attach(body: Uint8Array): void {
    this.#bodies.push(body.buffer instanceof SharedArrayBuffer ? body : new Uint8Array(body))
    this.#bodiesBytes += body.length
  }

  /** A large first row gets a buffer of exactly its size, which `take` then returns without a copy. */
  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount
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

/**
 * Calls one method of `handler` per row, in order. Rows without a method are skipped.
 *
 * @throws RangeError if the batch is truncated or contains an unknown kind: a bug of the gateway
 */
export function decodeBatch(batch: Batch, handler: Partial<RowHandler>): void {
  if (batch instanceof Uint8Array) {
    decodeRows(batch, [], handler)
    return
  }
  const [rows, ...bodies] = batch
  decodeRows(rows, bodies, handler)
}

/** Removes the attached bodies from the front of `bodies`. */
function decodeRows(rows: Uint8Array, bodies: Uint8Array[], handler: Partial<RowHandler>): void {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength)
  let start = 0
  while (start < rows.length) {
    const kind = view.getUint8(start + OFFSET.kind)
    const id = view.getUint32(start + OFFSET.id, true)
    const value = view.getUint32(start + OFFSET.headerBytes, true)
    const headerBytes = kind === KIND.credit ? 0 : value
    const bodyStart = start + PREFIX_BYTES + headerBytes
    const end = bodyStart + view.getUint32(start + OFFSET.bodyBytes, true)
    if (end > rows.length) throw new RangeError('batch is truncated')
    if (kind === KIND.data) {
      handler.onData?.(id, rows.subarray(bodyStart, end))
    } else if (kind === KIND.broken) {
      handler.onBroken?.(id, rows.subarray(bodyStart, end))
    } else if (headerBytes === 0) {
      onRowWithoutHeader(handler, kind, id, value)
    } else {
      const isAttached = view.getUint8(start + OFFSET.isAttached) === 1
      const body = isAttached ? takeBody(bodies) : rows.subarray(bodyStart, end)
      onRowWithHeader(handler, kind, id, { header: rows.subarray(start + PREFIX_BYTES, bodyStart), body })
    }
    start = end
  }
}

/** `creditBytes` is only meaningful in a `credit` row. */
function onRowWithoutHeader(
  handler: Partial<RowHandler>,
  kind: number,
  id: number,
  creditBytes: number,
): void {
  if (kind === KIND.credit) handler.onCredit?.(id, creditBytes)
  else if (kind === KIND.end) handler.onEnd?.(id)
  else if (kind === KIND.abort) handler.onAbort?.(id)
  else throw new RangeError(`batch contains an unknown kind of row: ${kind}`)
}

function takeBody(bodies: Uint8Array[]): Uint8Array {
  const body = bodies.shift()
  if (body === undefined) throw new RangeError('batch is truncated: an attached body is missing')
  return body
}

interface RowParts {
  readonly header: Uint8Array
  readonly body: Uint8Array
}

function onRowWithHeader(
  handler: Partial<RowHandler>,
  kind: number,
  id: number,
  { header, body }: RowParts,
): void {
  if (kind === KIND.open) {
    handler.onOpen?.(toOpen(id, header, body))
    return
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are this build
  const [status, ...headers] = packr.unpack(header) as [number, ...string[]]
  if (kind === KIND.head) handler.onHead?.(id, status, headers)
  else if (kind === KIND.response) handler.onResponse?.(id, { status, headers, body })
  else throw new RangeError(`batch contains an unknown kind of row: ${kind}`)
}

type OpenFields = [number, boolean, string, number, number, 'all' | string[], ...string[]]

function toOpen(id: number, header: Uint8Array, body: Uint8Array): OpenMessage {
  const fields = packr.unpack(header) as OpenFields // oxlint-disable-line typescript/no-unsafe-type-assertion -- both ends are this build
  const [code, isPost, query, creditBytes, ageMs, aborted, ...headers] = fields
  const endpoint = ENDPOINTS[code]
  if (endpoint === undefined) throw new RangeError(`batch contains an unknown endpoint code: ${code}`)
  const method = isPost ? 'POST' : 'GET'
  return { id, endpoint, method, query, headers, creditBytes, ageMs, aborted, body }
}
