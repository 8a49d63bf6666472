/**
 * Scheduler of a prefill engine.
 *
 *   bootstrapping ──decode has allocated, a slot is free──▶ forward ──▶ inflight ──KV is over──▶ answered
 *        │                                                    │            │
 *        └── bootstrapTimeoutMs, abort: 500 "bootstrap" ──    │            └── transfer failed, abort: 500
 *                                                             └── abort: 200, the room dangles
 *
 * Nothing is computed for a prompt before decode has a place for it. The answer is one token.
 */
import type { TimerHandle } from './clock.ts'
import type { DecodePort, Fabric, PrefillPort } from './fabric.ts'
import { ForwardLoop } from './forward-loop.ts'
import { KvPool } from './kv-pool.ts'
import { KvSender } from './kv-sender.ts'
import { ABORTED, NO_PREFILL_ANSWER, roomMissing, stageFailure, timedOut } from './pd-errors.ts'
import { PrefixCache } from './prefix-cache.ts'
import { maxReqInputLen, promptRefusal } from './prompt-limits.ts'
import {
  abortOf,
  FAKE_BOOTSTRAP_HOST,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from './scheduler.ts'
import type { Sequence } from './sequence.ts'

/** All requests with one room share it: its fate is theirs. */
interface Cell {
  readonly room: number
  readonly legs: Set<Leg>
  decode: DecodePort | undefined
  /** Why the room has failed, for requests that find out later. */
  failure: string | undefined
}

interface Leg {
  readonly sequence: Sequence
  /** undefined: warm-up request without a peer. */
  readonly cell: Cell | undefined
  /** The scheduler has put a one-token dummy in the prompt's place. */
  readonly isGarbage: boolean
  state: 'bootstrapping' | 'forward' | 'inflight' | 'answering'
  timer: TimerHandle | undefined
}

export class PrefillScheduler implements Scheduler, PrefillPort {
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #forward: ForwardLoop
  readonly #prefixes: PrefixCache
  readonly #sender: KvSender
  readonly #cells = new Map<number, Cell>()
  readonly #legs = new Map<Sequence, Leg>()
  /** Told of by decode, waiting for a metadata slot. */
  #ready: Leg[] = []
  #slotsTaken = 0
  /** Its bootstrap server answers. */
  isRegistered = false

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#pool = new KvPool(host.knobs)
    this.#sender = new KvSender(host, fabric)
    this.#prefixes = new PrefixCache(host.knobs)
    const memory = { pool: this.#pool, prefixes: this.#prefixes }
    this.#forward = new ForwardLoop(host, memory, {
      forwarded: sequence => this.#forwarded(sequence),
      aborted: sequence => this.#end(sequence, () => sequence.end(abortOf('Aborted', null))),
    })
  }

  get name(): string {
    return this.#host.name
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    if (spec.bootstrapHost === FAKE_BOOTSTRAP_HOST) return this.#submitFake(sequence)
    if (spec.room === undefined) return sequence.end(abortOf(roomMissing(spec.rid), 400))
    const refusal = promptRefusal(sequence, this.#host.knobs)
    const isGarbage = refusal !== undefined && this.#isSwallowed(sequence)
    if (refusal !== undefined && !isGarbage) return sequence.end(abortOf(refusal, 400))
    if (isGarbage) sequence.promptTokens = 1

    const cell = this.#cellOf(spec.room)
    const leg: Leg = { sequence, cell, isGarbage, state: 'bootstrapping', timer: undefined }
    cell.legs.add(leg)
    this.#legs.set(sequence, leg)
    this.#watchBootstrap(leg, spec.room)
    if (cell.decode !== undefined) this.#bootstrapped(leg)
  }

  abort(sequence: Sequence): void {
    const leg = this.#legs.get(sequence)
    // Once the cache is over there is nothing left to abort: the answer is on its way.
    if (leg === undefined || leg.state === 'answering') return
    if (leg.state === 'forward') {
      const isRemoved = this.#forward.abort(sequence) === 'removed'
      if (isRemoved) this.#end(sequence, () => sequence.end(abortOf('Abort in waiting queue', null)))
    } else {
      this.#fail(leg, ABORTED)
      if (this.#host.knobs.notifyDecodeOnPrefillAbort) this.#tellDecode(leg, NO_PREFILL_ANSWER)
    }
  }

  announced(room: number, decode: DecodePort): void {
    const cell = this.#cellOf(room)
    cell.decode = decode
    for (const leg of cell.legs) this.#bootstrapped(leg)
  }

  abandoned(room: number): void {
    const cell = this.#cells.get(room)
    if (cell === undefined) return
    const isNixl = this.#host.knobs.backend === 'nixl'
    cell.failure = isNixl
      ? 'Aborted by decode-side abort notification.'
      : 'Failed due to an unknown reason from another rank'
    for (const leg of cell.legs) {
      // One in a forward pass finds out when it comes to send.
      if (leg.state === 'bootstrapping' || leg.state === 'inflight') this.#fail(leg, cell.failure)
    }
    this.forgotten(room)
  }

  forgotten(room: number): void {
    if (this.#cells.get(room)?.legs.size === 0) this.#cells.delete(room)
  }

  load(): SchedulerLoad {
    let bootstrapQueue = 0
    let inflightQueue = 0
    for (const leg of this.#legs.values()) {
      if (leg.state === 'bootstrapping') bootstrapQueue++
      else if (leg.state !== 'forward') inflightQueue++
    }
    return {
      ...NO_LOAD,
      running: this.#forward.size,
      waiting: bootstrapQueue,
      waitingTokens: this.#forward.waitingTokens,
      usedTokens: this.#pool.used,
      bootstrapQueue,
      inflightQueue,
    }
  }

  clearCache(): void {
    this.#prefixes.clear()
  }

  pause(): void {
    this.#forward.pause()
  }

  resume(): void {
    this.#forward.resume()
  }

  reset(): void {
    for (const leg of this.#legs.values()) this.#host.clock.clearTimeout(leg.timer)
    this.#legs.clear()
    this.#cells.clear()
    this.#ready = []
    this.#slotsTaken = 0
    this.#forward.reset()
    this.#sender.reset()
    this.#pool.reset()
    this.#prefixes.clear()
  }

  #isSwallowed(sequence: Sequence): boolean {
    const { knobs } = this.#host
    return knobs.garbageOnLenMismatch && sequence.spec.prompt.tokens > maxReqInputLen(knobs)
  }

  #submitFake(sequence: Sequence): void {
    this.#legs.set(sequence, {
      sequence,
      cell: undefined,
      isGarbage: false,
      state: 'forward',
      timer: undefined,
    })
    this.#slotsTaken++
    this.#forward.add(sequence)
  }

  #cellOf(room: number): Cell {
    const known = this.#cells.get(room)
    if (known !== undefined) return known
    const cell: Cell = { room, legs: new Set(), decode: undefined, failure: undefined }
    this.#cells.set(room, cell)
    return cell
  }

  #watchBootstrap(leg: Leg, room: number): void {
    const { knobs, clock } = this.#host
    // The sender of NIXL never looks at its clock.
    if (knobs.backend === 'nixl') return
    const afterMs = knobs.bootstrapTimeoutMs
    leg.timer = clock.setTimeout(() => {
      this.#host.counters.partnerMissing++
      this.#fail(leg, timedOut(room, afterMs, 'Bootstrapping'))
    }, afterMs)
  }

  #bootstrapped(leg: Leg): void {
    if (leg.state !== 'bootstrapping' || this.#ready.includes(leg)) return
    this.#ready.push(leg)
    this.#takeSlots()
  }

  #takeSlots(): void {
    const { knobs, clock } = this.#host
    const slots = knobs.metadataSlots > 0 ? knobs.metadataSlots : 2 * knobs.maxRunning
    while (this.#slotsTaken < slots) {
      const leg = this.#ready.shift()
      if (leg === undefined) return
      clock.clearTimeout(leg.timer)
      leg.state = 'forward'
      this.#slotsTaken++
      this.#forward.add(leg.sequence)
    }
  }

  #forwarded(sequence: Sequence): void {
    const leg = this.#legs.get(sequence)
    if (leg === undefined) return
    if (leg.cell === undefined) return this.#answerSoon(leg)
    leg.state = 'inflight'
    if (leg.cell.failure !== undefined) return this.#fail(leg, leg.cell.failure)
    this.#send(leg, leg.cell)
  }

  #send(leg: Leg, cell: Cell): void {
    const { decode, room } = cell
    if (decode === undefined) return
    this.#sender.send({
      decode,
      room,
      tokens: leg.sequence.promptTokens,
      isWanted: () => this.#legs.get(leg.sequence) === leg,
      done: failure => {
        if (failure === undefined) this.#completeTransfer(leg, cell)
        else this.#breakTransfer(leg, failure)
      },
    })
  }

  #breakTransfer(leg: Leg, reason: string): void {
    // NIXL of this time tells nobody: decode waits until its own timeout.
    if (this.#host.knobs.backend === 'mooncake') this.#tellDecode(leg, NO_PREFILL_ANSWER)
    this.#fail(leg, reason)
  }

  #tellDecode(leg: Leg, reason: string): void {
    if (leg.cell !== undefined) leg.cell.decode?.transferFailed(leg.cell.room, reason)
  }

  #completeTransfer(leg: Leg, cell: Cell): void {
    const { sequence, isGarbage } = leg
    cell.decode?.transferred(cell.room, { cachedTokens: sequence.cachedTokens, isGarbage })
    this.#answerSoon(leg)
  }

  /** The scheduler sees the finished transfer when its loop comes round: after the step under way. */
  #answerSoon(leg: Leg): void {
    const { knobs, clock } = this.#host
    leg.state = 'answering'
    leg.timer = clock.setTimeout(
      () => this.#end(leg.sequence, () => answer(leg.sequence)),
      Math.max(knobs.loopDelayMs, this.#forward.remainingMs),
    )
  }

  #fail(leg: Leg, reason: string): void {
    const stage = leg.state === 'bootstrapping' ? 'Prefill bootstrap' : 'Prefill transfer'
    const message = stageFailure(stage, leg.sequence.spec, reason)
    this.#end(leg.sequence, () => leg.sequence.end(abortOf(message, 500)))
  }

  /** Frees what the sequence holds, then lets it end: who hears of the end finds the room free. */
  #end(sequence: Sequence, end: () => void): void {
    const leg = this.#legs.get(sequence)
    if (leg === undefined) return
    this.#legs.delete(sequence)
    this.#host.clock.clearTimeout(leg.timer)
    if (leg.state === 'bootstrapping') this.#ready = this.#ready.filter(one => one !== leg)
    else this.#slotsTaken--
    this.#pool.release(sequence)
    this.#leaveCell(leg)
    end()
    this.#takeSlots()
    this.#forward.wake()
  }

  #leaveCell(leg: Leg): void {
    const { cell } = leg
    if (cell === undefined) return
    cell.legs.delete(leg)
    if (cell.legs.size === 0 && this.#cells.get(cell.room) === cell) this.#cells.delete(cell.room)
  }
}

/** One token, "length" with length 0 whatever the token: what prefill always says. */
function answer(sequence: Sequence): void {
  sequence.produced = 1
  sequence.end({ kind: 'length', length: 0 })
}
