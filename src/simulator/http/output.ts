/**
 * Writes one response to its socket, with the injected faults: a delay before the first byte, a pause, an early end, and
 * unusual chunk boundaries.
 *
 * Writing after the client has disconnected has no effect.
 */
import type { ServerResponse } from 'node:http'
import type { TimerHandle } from '../clock/clock.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { FaultPlan } from '../settings/fault-plan.ts'
import { traitsOf } from '../settings/profiles.ts'
import { hideConnectionHeaders, sendJson, writeChunk } from './http-response.ts'
import { resetSocket } from './reset-socket.ts'

const STREAM_HEADS = {
  python: { 'content-type': 'text/event-stream; charset=utf-8' },
  rust: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
}

const WRITE_PAUSE_BYTES = 64 * 1024

export class Output {
  readonly #response: ServerResponse
  readonly #host: SchedulerHost
  readonly #plan: FaultPlan
  /** Called when a fault has ended the stream early. */
  readonly #onCut: () => void
  #timer: TimerHandle | undefined
  /** Writes that wait for `#timer`. */
  #held: (() => void)[] = []
  /** Events that are collected for one write, with the knob `mergeChunks`. */
  #merged = ''
  #mergedEvents = 0
  #events = 0
  /** Parts of chunks that are written one at a time, with the knob `splitChunks`. */
  #pieces: (Buffer | 'end')[] = []
  /** Whether a fault has ended the stream. Nothing is written after it. */
  #cut = false
  hasStarted = false

  constructor(response: ServerResponse, host: SchedulerHost, plan: FaultPlan, onCut: () => void) {
    this.#response = response
    this.#host = host
    this.#plan = plan
    this.#onCut = onCut
    if (host.knobs.slowFirstByteMs > 0) this.#hold(host.knobs.slowFirstByteMs)
  }

  /** Whether the client reads more slowly than the engine writes. Tokens should then be merged into a later event. */
  get isBehind(): boolean {
    return (this.#response.socket?.writableLength ?? 0) > WRITE_PAUSE_BYTES
  }

  /** Sends a response that is not streamed. */
  json(status: number, body: string, headers: Record<string, string> = {}): void {
    if (this.#plan.stallMs > 0) this.#enqueue(() => this.#hold(this.#plan.stallMs))
    this.#enqueue(() => sendJson(this.#response, status, body, headers))
  }

  /** Sends the head of a stream. No effect after the first call. */
  head(): void {
    if (this.hasStarted) return
    this.hasStarted = true
    this.#enqueue(() => {
      if (this.#response.destroyed) return
      hideConnectionHeaders(this.#response)
      this.#response.writeHead(200, STREAM_HEADS[traitsOf(this.#host.knobs).frontend])
      this.#response.flushHeaders()
    })
  }

  /** Sends server-sent events, if there are any, and the head before the first ones. */
  events(text: string): void {
    if (text === '') return
    this.head()
    this.#events++
    this.#enqueue(() => this.#write(text))
    if (this.#events === 1 && this.#plan.stallMs > 0) this.#enqueue(() => this.#hold(this.#plan.stallMs))
    if (this.#events === this.#plan.resetAfterEvents)
      this.#enqueue(() => this.#interrupt(() => this.#resetSoon()))
    if (this.#events === this.#plan.truncateAfterEvents)
      this.#enqueue(() => this.#interrupt(() => this.#finish()))
  }

  /** Sends what marks the end of the stream, if anything does, and ends it. */
  end(done: string): void {
    this.head()
    if (done !== '') this.#enqueue(() => this.#write(done))
    this.#enqueue(() => this.#finish())
  }

  /** Calls `run` once all writes so far have been passed to the socket; never if they are discarded. */
  afterWrites(run: () => void): void {
    this.#enqueue(run)
  }

  /** Discards all pending writes, because the client has disconnected. */
  discard(): void {
    this.#host.clock.clearTimeout(this.#timer)
    this.#held = []
    this.#pieces = []
  }

  #enqueue(write: () => void): void {
    if (this.#timer === undefined) write()
    else this.#held.push(write)
  }

  #hold(ms: number): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#host.clock.setTimeout(() => {
      this.#timer = undefined
      const held = this.#held
      this.#held = []
      for (const write of held) this.#enqueue(write)
    }, ms)
  }

  #interrupt(cut: () => void): void {
    if (this.#cut || this.#response.writableEnded) return
    this.#flushMerged()
    cut()
    this.#cut = true
    this.#onCut()
  }

  /** Resets the connection in the next turn of the event loop, when earlier writes have reached the socket. */
  #resetSoon(): void {
    setImmediate(() => resetSocket(this.#response.socket))
  }

  #write(text: string): void {
    if (this.#host.knobs.mergeChunks <= 1) return this.#send(text)
    this.#merged += text
    this.#mergedEvents++
    if (this.#mergedEvents >= this.#host.knobs.mergeChunks) this.#flushMerged()
  }

  #flushMerged(): void {
    if (this.#merged === '') return
    const text = this.#merged
    this.#merged = ''
    this.#mergedEvents = 0
    this.#send(text)
  }

  #send(text: string): void {
    const response = this.#response
    if (this.#cut || response.destroyed || response.writableEnded) return
    if (!this.#host.knobs.splitChunks) {
      writeChunk(response, text)
      return
    }
    this.#pieces.push(...cutAtRandom(Buffer.from(text), this.#host.random))
    if (this.#pieces.length > 0) setImmediate(() => this.#nextPiece())
  }

  #nextPiece(): void {
    const piece = this.#pieces.shift()
    if (piece === undefined || this.#response.destroyed) return
    if (piece === 'end') this.#response.end()
    else this.#response.write(piece)
    setImmediate(() => this.#nextPiece())
  }

  #finish(): void {
    if (this.#cut) return
    this.#flushMerged()
    if (this.#pieces.length > 0) this.#pieces.push('end')
    else if (!this.#response.writableEnded) this.#response.end()
  }
}

function cutAtRandom(bytes: Buffer, random: () => number): Buffer[] {
  const pieces: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + 1 + Math.floor(random() * 48))
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  return pieces
}
