/**
 * Paces all open streams of the canned engine with one timer instead of thousands. Each stream keeps its own phase, so
 * that events are spread over time.
 */

import { DONE } from './responses.ts'
import type { UwsResponse } from './uws.ts'

/** Interval of the timer: the shortest possible pace of a stream. */
const TICK_MS = 1

interface OpenStream {
  readonly response: UwsResponse
  readonly events: readonly Buffer[]
  sent: number
  dueAtMs: number
}

export interface StreamCounts {
  /** Streams that have not ended. */
  readonly open: number
  /** Events written since the start, not counting `[DONE]`. */
  readonly chunks: number
}

export class Streams {
  readonly #open = new Map<UwsResponse, OpenStream>()
  #timer: NodeJS.Timeout | undefined
  #chunks = 0
  /** Pause between two events of one stream, in milliseconds. */
  intervalMs: number

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs
  }

  get counts(): StreamCounts {
    return { open: this.#open.size, chunks: this.#chunks }
  }

  /** Writes the head and the first event now, and the others at intervals. Call it corked. */
  start(response: UwsResponse, events: readonly Buffer[]): void {
    const stream = { response, events, sent: 0, dueAtMs: performance.now() }
    response.writeHeader('content-type', 'text/event-stream; charset=utf-8')
    this.#open.set(response, stream)
    this.#writeNext(stream)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
  }

  /** Call it when the client has left: uWS forbids using the response from then on. */
  drop(response: UwsResponse): void {
    this.#open.delete(response)
  }

  #tick(): void {
    const nowMs = performance.now()
    for (const stream of this.#open.values()) {
      if (stream.dueAtMs <= nowMs) stream.response.cork(() => this.#writeNext(stream))
    }
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #writeNext(stream: OpenStream): void {
    const event = stream.events[stream.sent]
    if (event === undefined) return
    stream.response.write(event)
    stream.sent += 1
    stream.dueAtMs += this.intervalMs
    this.#chunks += 1
    if (stream.sent < stream.events.length) return
    this.#open.delete(stream.response)
    stream.response.end(DONE)
  }
}
