/**
 * What the front end and a router thread send each other about an exchange. `codec.ts` has the wire form.
 *
 * The front end assigns the ids: unsigned 32-bit integers, unique among the open exchanges (`exchange-ids.ts`).
 */
import type { Endpoint } from '../core/endpoint.ts'

/** Header names (lower case) and values in turn: `['content-type', 'application/json', …]`. */
export type FlatHeaders = readonly string[]

export interface OpenMessage {
  readonly id: number
  readonly endpoint: Endpoint
  readonly method: 'GET' | 'POST'
  /** Raw query without the question mark; empty if the request has none. */
  readonly query: string
  /** Headers for the engines, and the timeout headers of the request, which are not passed on. */
  readonly headers: FlatHeaders
  /** Bytes that the router thread may send before the first `credit`. */
  readonly creditBytes: number
  /** Whole milliseconds since the request head was received; the total deadline counts from that moment. */
  readonly ageMs: number
  /** What the client has aborted before the request reached a router thread: all of it, or prompts by their rids. */
  readonly aborted: 'all' | readonly string[]
  /** The client's body, byte for byte. Read-only: a view into the batch, or memory shared with the front end. */
  readonly body: Uint8Array
}

/** A complete response in one row. */
export interface WholeResponse {
  readonly status: number
  readonly headers: FlatHeaders
  readonly body: Uint8Array
}

/**
 * Every kind of row and its arguments. Writers and handlers derive from this declaration.
 *
 * To a router thread, per exchange: `open credit* abort?`. To the front end: `head data*` and then `end` or `broken`, or one
 * `response`. The front end reuses the id after `end`, `broken`, `response` or its own `abort`.
 */
export interface Rows {
  readonly open: readonly [message: OpenMessage]
  /** The client has disconnected or the gateway gives up: abort both legs and send no more rows. */
  readonly abort: readonly [id: number]
  /** The router thread may send `bytes` more. */
  readonly credit: readonly [id: number, bytes: number]
  /** Status and headers of a response whose body is streamed. */
  readonly head: readonly [id: number, status: number, headers: FlatHeaders]
  /** Part of a streamed body; uses up credit. */
  readonly data: readonly [id: number, bytes: Uint8Array]
  readonly end: readonly [id: number]
  /**
   * The streamed body breaks off: `lastEvent` is written, if it is not empty, and the connection is closed without the
   * last chunk, so that no client takes the body for complete (RFC 9112 section 8). Uses up no credit.
   */
  readonly broken: readonly [id: number, lastEvent: Uint8Array]
  /** Uses up no credit. */
  readonly response: readonly [id: number, response: WholeResponse]
}

/** Writes rows: `abort(id)`, `data(id, bytes)` and so on. */
export type RowWriter = { readonly [Kind in keyof Rows]: (...row: Rows[Kind]) => void }

/** Receives rows: `onAbort(id)`, `onData(id, bytes)` and so on. Byte arrays are views into the batch. */
export type RowHandler = {
  readonly [Kind in keyof Rows as `on${Capitalize<Kind>}`]: (...row: Rows[Kind]) => void
}
