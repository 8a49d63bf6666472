/**
 * One generation request in an engine, from its arrival to the last byte of its response.
 *
 * It connects the sequences, which a scheduler advances, with a renderer, which knows the format, and an output, which
 * knows the socket. It also notices that the client has disconnected, with the delay of a real server.
 */
import type { TimerHandle } from '../clock/clock.ts'
import type { Output } from '../http/output.ts'
import type { Call } from '../request/call.ts'
import { schedulerError } from '../response/api-errors.ts'
import {
  CLIENT_GONE,
  type ErrorResponse,
  nativeErrorEvent,
  rustEnvelope,
  statusError,
  valueError,
} from '../response/envelopes.ts'
import { failureOf, type Renderer, sendsHeadAtOnce } from '../response/renderer.ts'
import { abortIn, submitTo } from '../scheduler/tokenizer-stage.ts'
import type { RequestTable } from '../sequence/request-table.ts'
import { abortOf, type Scheduler, type SchedulerHost } from '../sequence/scheduler.ts'
import type { Sequence, SequenceListener } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'
import type { RoomLog } from '../transfer/room-log.ts'
import { type FirstTokenLog, StreamTimes } from './first-token-log.ts'

export interface GenerationHost extends SchedulerHost {
  readonly scheduler: Scheduler
  readonly table: RequestTable
  readonly rooms: RoomLog
  readonly firstTokens: FirstTokenLog
  /** Requests whose response has not ended, which are discarded in a crash. */
  readonly generations: Set<Generation>
}

export class Generation implements SequenceListener {
  readonly #host: GenerationHost
  readonly #call: Call
  readonly #renderer: Renderer
  readonly #output: Output
  readonly #isRust: boolean
  readonly #startedMs: number
  readonly #times: StreamTimes
  #hasToken = false
  /** Number of sequences that have not ended: first of the primers, then of the others. */
  #remaining = 0
  #priming = false
  #done = false
  #tokenizeTimer: TimerHandle | undefined
  #disconnectTimer: TimerHandle | undefined

  constructor(host: GenerationHost, call: Call, renderer: Renderer, output: Output) {
    this.#host = host
    this.#call = call
    this.#renderer = renderer
    this.#output = output
    this.#times = new StreamTimes(host.firstTokens)
    this.#isRust = traitsOf(host.knobs).frontend === 'rust'
    this.#startedMs = host.clock.now()
  }

  start(): void {
    const duplicate = this.#call.sequences.find(({ spec }) => this.#host.table.has(spec.rid))
    if (duplicate !== undefined) {
      return this.refuse(`Duplicate request ID detected: ${duplicate.spec.rid}`)
    }
    this.#open()
    this.#priming = this.#call.primers.length > 0
    const first = this.#priming ? this.#call.primers : this.#call.sequences
    const tokens = first.reduce((sum, sequence) => sum + sequence.spec.prompt.tokens, 0)
    const tokenizeMs = (tokens / 1000) * this.#host.knobs.tokenizeMsPerKTok
    this.#register(first)
    if (tokenizeMs < 1) this.#submit(first)
    else this.#tokenizeTimer = this.#host.clock.setTimeout(() => this.#submit(first), tokenizeMs)
  }

  /** Ends the request with an error of the client, before any sequence starts. */
  refuse(message: string): void {
    this.#done = true
    this.#host.counters.failed++
    const { knobs } = this.#host
    if (!sendsHeadAtOnce(this.#call, knobs)) return this.#respond(valueError(this.#call.endpoint, message))
    const isNamed = this.#renderer.done === ''
    const event = isNamed ? this.#renderer.failure(400, message) : nativeErrorEvent(message, traitsOf(knobs))
    this.#failStream(event)
  }

  /** Ends all sequences with this abort, before they reach the scheduler. */
  startAborted(reason: { readonly message: string; readonly status: number | null }): void {
    this.#open()
    this.#register(this.#call.sequences)
    for (const sequence of this.#call.sequences) sequence.end(abortOf(reason.message, reason.status))
  }

  /** Ends the stream with an injected error as its first event, after the status 200. */
  startFailed(): void {
    this.#done = true
    this.#host.counters.failed++
    this.#failStream(this.#renderer.failure(500, 'Injected engine error'))
  }

  /** Sends the new tokens. Tokens produced faster than they can be written are merged into one event, as in SGLang. */
  progressed(sequence: Sequence, nextDue: boolean): void {
    this.#host.counters.tokens++
    if (this.#done || this.#priming || !this.#call.isStream) return
    const interval = this.#host.knobs.streamInterval
    if (sequence.produced !== 1 && sequence.produced % interval !== 0) return
    if (this.#output.isBehind || (nextDue && this.#hasToken)) return
    this.#output.events(this.#renderer.progress(sequence))
    this.#noteToken(sequence)
  }

  ended(sequence: Sequence): void {
    sequence.endedMs = this.#host.clock.now()
    if (sequence.ending?.kind !== 'abort' && sequence.produced > 0) this.#host.counters.tokens++
    this.#host.table.remove(sequence)
    if (this.#done) return
    this.#remaining--
    if (this.#priming) this.#primed(sequence)
    else if (this.#call.isStream) this.#endInStream(sequence)
    else this.#endUnary(sequence)
  }

  /** To be called when the connection has closed before the end of the response. */
  disconnected(): void {
    const { knobs, clock, counters } = this.#host
    counters.disconnected++
    this.#output.discard()
    if (this.#done) return void this.#host.generations.delete(this)
    const sinceMs = clock.now() - this.#startedMs
    const pollMs = Math.max(1, knobs.disconnectPollMs)
    const streamDelayMs = knobs.streamAbortDelayMs ?? traitsOf(knobs).streamAbortDelayMs
    const delayMs = this.#output.hasStarted ? streamDelayMs : pollMs - (sinceMs % pollMs)
    this.#disconnectTimer = clock.setTimeout(() => this.#abortAfterDisconnect(), delayMs)
  }

  abort(): void {
    for (const sequence of [...this.#call.primers, ...this.#call.sequences]) {
      abortIn(this.#host.scheduler, sequence)
    }
  }

  /** Discards the request without ending it, as in a crash. */
  forget(): void {
    this.#done = true
    this.#output.discard()
    this.#host.clock.clearTimeout(this.#tokenizeTimer)
    this.#host.clock.clearTimeout(this.#disconnectTimer)
  }

  #register(sequences: readonly Sequence[]): void {
    this.#remaining = sequences.length
    for (const sequence of sequences) {
      sequence.listener = this
      sequence.startedMs = this.#host.clock.now()
      this.#host.table.add(sequence)
      this.#host.counters.peakRunning = Math.max(this.#host.counters.peakRunning, this.#host.table.size)
      if (sequence.spec.room !== undefined) this.#host.rooms.add(sequence.spec.room)
    }
  }

  #submit(sequences: readonly Sequence[]): void {
    for (const sequence of sequences) submitTo(this.#host.scheduler, sequence)
  }

  #abortAfterDisconnect(): void {
    const unended = this.#call.sequences.filter(({ ending }) => ending === undefined)
    this.#host.counters.abortedByDisconnect += unended.length
    this.abort()
    this.#host.generations.delete(this)
  }

  #failStream(events: string): void {
    this.#open()
    this.#output.events(events)
    this.#output.end(this.#renderer.done)
  }

  /** Sends what a stream starts with before anything is generated: nothing, its head, or events. */
  #open(): void {
    if (sendsHeadAtOnce(this.#call, this.#host.knobs)) this.#output.head()
    if (this.#call.isStream) this.#output.events(this.#renderer.opening())
  }

  #primed(sequence: Sequence): void {
    const failure = failureOf(sequence)
    if (failure !== undefined) return this.#fail(failure.status, failure.message)
    if (this.#remaining > 0) return
    this.#priming = false
    this.#register(this.#call.sequences)
    this.#submit(this.#call.sequences)
  }

  #endInStream(sequence: Sequence): void {
    this.#output.events(this.#renderer.finish(sequence))
    if (sequence.produced > 0) this.#noteToken(sequence)
    if (this.#remaining > 0 && !this.#renderer.endsStream(sequence)) return
    this.#output.afterWrites(() => this.#times.end(this.#call.sequences))
    this.#count(sequence)
    this.#output.events(this.#renderer.closing())
    this.#output.end(this.#renderer.done)
    this.#orphanRest()
  }

  /** Records the time at which the first token has been written. Later calls have no effect. */
  #noteToken({ spec: { rid } }: Sequence): void {
    if (this.#hasToken) return
    this.#hasToken = true
    this.#output.afterWrites(() => this.#times.begin(rid))
  }

  #endUnary(sequence: Sequence): void {
    const failure = failureOf(sequence)
    if (failure !== undefined && !(this.#isRust && this.#call.isBatch))
      return this.#fail(failure.status, failure.message)
    if (this.#isRust && !this.#call.isBatch && sequence.ending?.kind === 'abort')
      return this.#fail(499, CLIENT_GONE)
    if (this.#remaining > 0) return
    this.#count(sequence)
    this.#output.json(200, this.#renderer.unaryBody())
  }

  #fail(status: number, message: string): void {
    this.#done = true
    this.#host.counters.failed++
    this.#orphanRest()
    this.#respond(status === 400 ? valueError(this.#call.endpoint, message) : statusError(status, message))
  }

  /** Lets the other sequences of the request run to their end, but releases their rids (SGLang 2026-07). */
  #orphanRest(): void {
    for (const sequence of this.#call.sequences) {
      if (sequence.ending === undefined) this.#host.table.releaseRid(sequence)
    }
  }

  #count(last: Sequence): void {
    this.#done = true
    if (failureOf(last) === undefined) this.#host.counters.completed++
    else this.#host.counters.failed++
  }

  #respond(error: ErrorResponse): void {
    const { endpoint } = this.#call
    const response = schedulerError(endpoint, error)
    const { status, body } = this.#isRust ? rustEnvelope(endpoint, response) : response
    this.#output.json(status, body)
  }
}
