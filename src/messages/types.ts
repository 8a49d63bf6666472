/**
 * What the front end and a router thread tell each other about one exchange. `codec.ts` has the wire form.
 *
 * Ids are given by the front end, unsigned 32 bits, unique among all open exchanges (`exchange-ids.ts`).
 */
import type { Endpoint } from '../core/endpoint.ts'

/** Header names (lower case) and values in turn: `['content-type', 'application/json', …]`. */
export type FlatHeaders = readonly string[]

export interface OpenMessage {
  readonly kind: 'open'
  readonly id: number
  readonly endpoint: Endpoint
  readonly method: 'GET' | 'POST'
  /** Raw query without the question mark; empty when there is none. */
  readonly query: string
  /** The headers that engines may see, and the request's timers, which they may not. */
  readonly headers: FlatHeaders
  /** Bytes that the worker may send before the first `credit`. */
  readonly creditBytes: number
  /** Whole milliseconds since the request came in: the total deadline counts from there. */
  readonly ageMs: number
  /** The client's body, exactly. A view into the batch, or into memory that the front end has too: not to be written. */
  readonly body: Uint8Array
}

/** The client is gone, or the gateway gives the request up: abort both legs, send nothing more. */
interface AbortMessage {
  readonly kind: 'abort'
  readonly id: number
}

/** The worker may send so many bytes more. */
interface CreditMessage {
  readonly kind: 'credit'
  readonly id: number
  readonly bytes: number
}

export type ToWorker = OpenMessage | AbortMessage | CreditMessage

/** Status line and headers of a response whose body comes in chunks. */
interface HeadMessage {
  readonly kind: 'head'
  readonly id: number
  readonly status: number
  readonly headers: FlatHeaders
}

/** Bytes of a streamed body. Counts against the credit. */
interface ChunkMessage {
  readonly kind: 'chunk'
  readonly id: number
  readonly bytes: Uint8Array
}

/** The streamed body is complete; the id is free again. */
interface EndMessage {
  readonly kind: 'end'
  readonly id: number
}

/** A whole response at once, in place of head, chunks and end; the id is free again. Not bound by credit. */
interface AnswerMessage {
  readonly kind: 'response'
  readonly id: number
  readonly status: number
  readonly headers: FlatHeaders
  readonly body: Uint8Array
}

export type ToFrontend = HeadMessage | ChunkMessage | EndMessage | AnswerMessage
