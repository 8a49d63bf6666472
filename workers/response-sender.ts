/** What one exchange says to its client, as rows to the front end. Ends exactly once. */
import { toErrorEvents, toErrorResponse } from '../src/core/error-response.ts'
import type { GatewayError } from '../src/core/errors.ts'
import type { BatchSender } from '../src/messages/channel.ts'
import type { FlatHeaders } from '../src/messages/types.ts'

/** Hop-by-hop (RFC 9110 section 7.6.1), or set anew by the front end. */
const DROPPED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'date',
  'server',
])
const JSON_HEADERS = ['content-type', 'application/json']

export class ResponseSender {
  readonly #id: number
  readonly #sender: BatchSender
  #isStarted = false

  constructor(id: number, sender: BatchSender) {
    this.#id = id
    this.#sender = sender
  }

  start(status: number, headers: FlatHeaders): void {
    this.#isStarted = true
    this.#sender.head(this.#id, status, endToEnd(headers))
  }

  /** Copied at the call. */
  chunk(bytes: Uint8Array): void {
    this.#sender.chunk(this.#id, bytes)
  }

  end(): void {
    this.#sender.end(this.#id)
  }

  answer(status: number, headers: FlatHeaders, body: Uint8Array): void {
    this.#sender.response(this.#id, { status, headers: endToEnd(headers), body })
  }

  json(status: number, body: string): void {
    this.#sender.response(this.#id, { status, headers: JSON_HEADERS, body: Buffer.from(body) })
  }

  /** As an answer of its own, or, once a stream has started, as its last event before `[DONE]`. */
  error(error: GatewayError): void {
    if (this.#isStarted) return this.#breakStream(error)
    this.#sender.response(this.#id, toErrorResponse(error))
  }

  #breakStream(error: GatewayError): void {
    this.chunk(toErrorEvents(error))
    this.end()
  }
}

function endToEnd(headers: FlatHeaders): FlatHeaders {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!DROPPED.has(name)) kept.push(name, headers[index + 1] ?? '')
  }
  return kept
}
