/**
 * Runs a request with several prompts or samples as one request per part; see `parts.ts`. Each part has its own pair,
 * rid, room and retries, so that a failure costs one part only. PD engines would hang on `n` above 1, and fail all
 * prompts of a batch with the first one.
 *
 * The handler receives one merged response. If one part fails for good, the others are aborted and the request fails.
 */

import type { LostEngine } from '../../src/core/engine.ts'
import { withoutHiddenDetails } from '../../src/core/text/hidden-details.ts'
import type { CollectedResponses } from '../attempt/collected-responses.ts'
import type { AttemptHandler, ResponseHead } from '../attempt/plan.ts'
import type { Failure } from '../classify/failure.ts'
import { abortedFailure } from '../classify/request-failure.ts'
import { asBuffer } from '../json/bytes.ts'
import { withKnownEnds } from '../json/scan-context.ts'
import { EditingHandler } from '../response/editing-handler.ts'
import type { EngineRequest } from '../retry/engine-request.ts'
import { LossGate } from '../retry/loss-gate.ts'
import { RetryLoop, type RetryLoopDependencies } from '../retry/retry-loop.ts'
import { AT_ONCE_BYTES, type SteppedWork, type TurnQueue } from '../turns/turn-queue.ts'
import { abortedChoice, abortedItem } from './aborted-part.ts'
import { mergeBodies, type PartBody, readPart } from './merge-bodies.ts'
import { PartStreams } from './merge-events.ts'
import { countParts, partOf, partRid } from './parts.ts'

/** Parts started in one turn of the event loop, so that a large batch does not hold up other requests. */
const STARTED_PER_TURN = 32

export interface FanOutDependencies extends RetryLoopDependencies {
  readonly turns: Pick<TurnQueue, 'add' | 'remove'>
  readonly collected: Pick<CollectedResponses, 'keep'>
}

export class FanOut implements SteppedWork {
  readonly #request: EngineRequest
  readonly #handler: AttemptHandler
  readonly #dependencies: FanOutDependencies & { readonly gate: LossGate<RetryLoop> }
  /** Those of the parts started so far; none for a part that was aborted before. */
  readonly #loops: (RetryLoop | undefined)[] = []
  readonly #streams: PartStreams
  readonly #bodies: PartBody[] = []
  readonly #parts: number
  /** Parts that the client has aborted by rid: their failure does not fail the request. */
  readonly #aborted = new Set<number>()
  /** Aborted parts that the client's stream does not mention yet, with the message of their end. */
  readonly #unreported = new Map<number, string>()
  /** Parts without a response. */
  #remaining: number
  /** The head of a whole response. */
  #head: ResponseHead | undefined
  #isStarted = false
  #isPaused = false
  #isDone = false

  constructor(request: EngineRequest, handler: AttemptHandler, dependencies: FanOutDependencies) {
    const { endpoint, fields } = request
    this.#request = request
    this.#handler = handler
    this.#dependencies = { ...dependencies, gate: new LossGate(dependencies.config.retry.lossHoldMs) }
    this.#parts = countParts(fields)
    this.#remaining = this.#parts
    const keepsIds = fields.n === 1 && fields.clientRid !== undefined
    this.#streams = new PartStreams({ endpoint, n: fields.n, keepsIds })
  }

  start(): void {
    if (!this.step()) this.#dependencies.turns.add(this)
  }

  /** Starts some more parts. */
  step(): boolean {
    // Writing a large body to both engines takes milliseconds.
    const maxStarts = this.#request.body.length > AT_ONCE_BYTES ? 1 : STARTED_PER_TURN
    const end = Math.min(this.#parts, this.#loops.length + maxStarts)
    while (this.#loops.length < end && !this.#isDone) this.#startNext()
    return this.#loops.length === this.#parts || this.#isDone
  }

  abort(): void {
    this.#isDone = true
    this.#dependencies.turns.remove(this)
    this.#dependencies.gate.close()
    for (const loop of this.#loops) loop?.abort()
  }

  /** Aborts all parts, or those of one prompt only. What the engines have generated until then is the response. */
  requestAbort(prompt?: number): void {
    const { n } = this.#request.fields
    const first = prompt === undefined ? 0 : prompt * n
    const end = prompt === undefined ? this.#parts : first + n
    for (let part = first; part < end; part++) this.#aborted.add(part)
    // Held parts first: when the part that they wait for ends, those that are left go on.
    const { gate } = this.#dependencies
    const loops = this.#loops.slice(first, end).filter(loop => loop !== undefined)
    const held = loops.filter(loop => gate.isHolding(loop))
    for (const loop of new Set([...held, ...loops])) loop.requestAbort()
  }

  /** Whether all prompts have been aborted. */
  get isAborted(): boolean {
    return this.#aborted.size === this.#parts
  }

  giveUpOn(lost: LostEngine): void {
    for (const loop of this.#loops) loop?.giveUpOn(lost)
  }

  pause(): void {
    this.#isPaused = true
    for (const loop of this.#loops) loop?.pause()
  }

  resume(): void {
    this.#isPaused = false
    for (const loop of this.#loops) loop?.resume()
  }

  #startNext(): void {
    const part = this.#loops.length
    if (this.#aborted.has(part)) {
      this.#loops.push(undefined)
      return this.#endAborted(part, abortedFailure())
    }
    const request = partOf(this.#request, part)
    const handler = this.#handlerOf(part)
    const needsEditing = EditingHandler.isNeededFor(request.fields)
    const edited = needsEditing ? new EditingHandler(request.fields, handler) : handler
    const loop = new RetryLoop(request, edited, this.#dependencies)
    this.#loops.push(loop)
    loop.start()
  }

  #handlerOf(part: number): AttemptHandler {
    return {
      onResponse: (head, body) => this.#onResponse(part, head, body),
      onHead: head => this.#onHead(part, head),
      onData: bytes => this.#onData(part, bytes),
      onEnd: () => this.#onEnd(),
      onError: failure => this.#onError(part, failure),
      onReportedError: failure => this.#onReportedError(part, failure),
      onStreamError: failure => this.#onError(part, failure),
    }
  }

  #onResponse(part: number, head: ResponseHead, body: Uint8Array): void {
    if (this.#isDone) return
    this.#head = head
    this.#settle(part)
    const { endpoint, id } = this.#request
    this.#dependencies.collected.keep(id, body.length)
    this.#bodies[part] = withKnownEnds(head.knownEnds ?? [], () => readPart(endpoint, asBuffer(body), part))
    this.#endPart()
  }

  #onHead(part: number, head: ResponseHead): void {
    if (this.#isDone) return
    // A part may start while the client does not read.
    if (this.#isPaused) this.#loops[part]?.pause()
    if (!this.#isStarted) {
      this.#isStarted = true
      this.#handler.onHead(head)
    }
    this.#settle(part)
  }

  #settle(part: number): void {
    const loop = this.#loops[part]
    if (loop !== undefined && !this.#isDone) this.#dependencies.gate.settle(loop)
  }

  #onData(part: number, bytes: Uint8Array): void {
    if (this.#isDone) return
    const events = this.#streams.edit(bytes, part)
    if (events.length > 0) this.#handler.onData(events)
    if (this.#unreported.size > 0) this.#reportAborted()
  }

  #onEnd(): void {
    if (!this.#isDone) this.#endPart()
  }

  #endPart(failure?: Failure): void {
    if (--this.#remaining > 0) return
    this.#isDone = true
    if (this.#isStarted) {
      this.#handler.onData(this.#streams.end())
      this.#handler.onEnd()
    } else if (this.#head !== undefined) {
      const { endpoint, fields } = this.#request
      this.#handler.onResponse(this.#head, mergeBodies(endpoint, this.#bodies, fields.n))
    } else if (failure !== undefined) this.#handler.onError(failure)
  }

  /** The error of one part stands in the merged stream, which then breaks off: the others are aborted. */
  #onReportedError(part: number, failure: Failure): void {
    if (this.#isDone) return
    this.#handler.onReportedError(failure)
    this.#onError(part, failure)
  }

  /** A part failed after its retries. The others are aborted, because the client needs all of them. */
  #onError(part: number, failure: Failure): void {
    if (this.#isDone) return
    if (this.#aborted.has(part)) {
      this.#settle(part)
      return this.#endAborted(part, failure)
    }
    this.abort()
    if (this.#isStarted) this.#handler.onStreamError(failure)
    else this.#handler.onError(failure)
  }

  #endAborted(part: number, failure: Failure): void {
    const message = withoutHiddenDetails(failure.error.message)
    const { endpoint, fields } = this.#request
    if (fields.isStream) {
      this.#unreported.set(part, message)
      if (this.#isStarted) this.#reportAborted()
    } else {
      const item =
        endpoint === 'generate'
          ? abortedItem(this.#ridOf(part), message)
          : abortedChoice(endpoint, false, part)
      this.#bodies[part] = { kind: 'aborted', item: Buffer.from(JSON.stringify(item)) }
    }
    this.#endPart(failure)
  }

  #reportAborted(): void {
    for (const [part, message] of this.#unreported) {
      const event = this.#streams.aborted(part, this.#ridOf(part), message)
      if (event === undefined) return
      this.#unreported.delete(part)
      this.#handler.onData(event)
    }
  }

  #ridOf(part: number): string {
    const { fields } = this.#request
    return partRid(fields, Math.floor(part / fields.n)) ?? ''
  }
}
