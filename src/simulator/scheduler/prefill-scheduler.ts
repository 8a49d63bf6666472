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

import { Legs } from '../sequence/legs.ts'
import { ABORTED, roomMissing, stageFailure, timedOut } from '../sequence/pd-errors.ts'
import {
  abortOf,
  FAKE_BOOTSTRAP_HOST,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Fabric } from '../transfer/fabric.ts'
import { KvSender } from '../transfer/kv-sender.ts'
import { MetadataSlots } from '../transfer/metadata-slots.ts'
import { type PrefillLeg, type PrefillRoom, PrefillRooms } from '../transfer/prefill-rooms.ts'
import { ForwardLoop } from './forward-loop.ts'
import { KvPool } from './kv-pool.ts'
import { PrefixCache } from './prefix-cache.ts'
import { maxReqInputLen, promptRefusal } from './prompt-limits.ts'

export class PrefillScheduler implements Scheduler {
  /** How decode engines reach it. */
  readonly rooms: PrefillRooms
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #forward: ForwardLoop
  readonly #prefixes: PrefixCache
  readonly #sender: KvSender
  readonly #slots: MetadataSlots<PrefillLeg>
  readonly #legs: Legs<PrefillLeg>

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#pool = new KvPool(host.knobs)
    this.#legs = new Legs(host.clock)
    this.rooms = new PrefillRooms(host, {
      bootstrapped: leg => this.#bootstrapped(leg),
      failed: (leg, reason) => this.#fail(leg, reason),
    })
    this.#slots = new MetadataSlots(host.knobs, leg => this.#startForward(leg))
    this.#sender = new KvSender(host, fabric)
    this.#prefixes = new PrefixCache(host.knobs)
    const memory = { pool: this.#pool, prefixes: this.#prefixes }
    this.#forward = new ForwardLoop(host, memory, {
      forwarded: sequence => this.#forwarded(sequence),
      aborted: sequence => this.#end(sequence, () => sequence.end(abortOf('Aborted', null))),
    })
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    if (spec.bootstrapHost === FAKE_BOOTSTRAP_HOST) return this.#submitFake(sequence)
    if (spec.room === undefined) return sequence.end(abortOf(roomMissing(spec.rid), 400))
    const refusal = promptRefusal(sequence, this.#host.knobs)
    const isGarbage = refusal !== undefined && this.#isSwallowed(sequence)
    if (refusal !== undefined && !isGarbage) return sequence.end(abortOf(refusal, 400))
    if (isGarbage) sequence.promptTokens = 1

    const room = this.rooms.of(spec.room)
    const leg: PrefillLeg = { sequence, room, isGarbage, state: 'bootstrapping', timer: undefined }
    room.legs.add(leg)
    this.#legs.add(leg)
    this.#watchBootstrap(leg, spec.room)
    if (room.decode !== undefined) this.#bootstrapped(leg)
  }

  abort(sequence: Sequence): void {
    const leg = this.#legs.of(sequence)
    // Once the cache is over there is nothing left to abort: the answer is on its way.
    if (leg === undefined || leg.state === 'answering') return
    if (leg.state === 'forward') {
      const isRemoved = this.#forward.abort(sequence) === 'removed'
      if (isRemoved) this.#end(sequence, () => sequence.end(abortOf('Abort in waiting queue', null)))
    } else {
      this.#fail(leg, ABORTED)
      if (this.#host.knobs.notifyDecodeOnPrefillAbort) this.rooms.tellFailed(leg)
    }
  }

  load(): SchedulerLoad {
    let bootstrapQueue = 0
    let inflightQueue = 0
    for (const leg of this.#legs.all()) {
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
    this.#forward.steps.pause()
  }

  resume(): void {
    this.#forward.steps.resume()
  }

  reset(): void {
    this.#legs.reset()
    this.rooms.reset()
    this.#slots.reset()
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
    this.#legs.add({ sequence, room: undefined, isGarbage: false, state: 'forward', timer: undefined })
    this.#slots.take()
    this.#forward.add(sequence)
  }

  #watchBootstrap(leg: PrefillLeg, room: number): void {
    const { knobs, counters } = this.#host
    // The sender of NIXL never looks at its clock.
    if (knobs.backend === 'nixl') return
    const afterMs = knobs.bootstrapTimeoutMs
    this.#legs.arm(leg, afterMs, () => {
      counters.partnerMissing++
      this.#fail(leg, timedOut(room, afterMs, 'Bootstrapping'))
    })
  }

  #bootstrapped(leg: PrefillLeg): void {
    if (leg.state === 'bootstrapping') this.#slots.ask(leg)
  }

  #startForward(leg: PrefillLeg): void {
    this.#legs.disarm(leg)
    leg.state = 'forward'
    this.#forward.add(leg.sequence)
  }

  #forwarded(sequence: Sequence): void {
    const leg = this.#legs.of(sequence)
    if (leg === undefined) return
    if (leg.room === undefined) return this.#answerSoon(leg)
    leg.state = 'inflight'
    if (leg.room.failure !== undefined) return this.#fail(leg, leg.room.failure)
    this.#send(leg, leg.room)
  }

  #send(leg: PrefillLeg, { number, decode }: PrefillRoom): void {
    if (decode === undefined) return
    this.#sender.send({
      decode,
      room: number,
      tokens: leg.sequence.promptTokens,
      isWanted: () => this.#legs.of(leg.sequence) === leg,
      done: failure => {
        if (failure === undefined) this.#completeTransfer(leg)
        else this.#breakTransfer(leg, failure)
      },
    })
  }

  #breakTransfer(leg: PrefillLeg, reason: string): void {
    // NIXL of this time tells nobody: decode waits until its own timeout.
    if (this.#host.knobs.backend === 'mooncake') this.rooms.tellFailed(leg)
    this.#fail(leg, reason)
  }

  #completeTransfer(leg: PrefillLeg): void {
    this.rooms.tellTransferred(leg)
    this.#answerSoon(leg)
  }

  /** The scheduler sees the finished transfer when its loop comes round: after the step under way. */
  #answerSoon(leg: PrefillLeg): void {
    const afterMs = Math.max(this.#host.knobs.loopDelayMs, this.#forward.steps.remainingMs)
    leg.state = 'answering'
    this.#legs.arm(leg, afterMs, () => this.#end(leg.sequence, () => answer(leg.sequence)))
  }

  #fail(leg: PrefillLeg, reason: string): void {
    const stage = leg.state === 'bootstrapping' ? 'Prefill bootstrap' : 'Prefill transfer'
    const message = stageFailure(stage, leg.sequence.spec, reason)
    this.#end(leg.sequence, () => leg.sequence.end(abortOf(message, 500)))
  }

  /** Frees what the sequence holds, then lets it end: who hears of the end finds the room free. */
  #end(sequence: Sequence, end: () => void): void {
    const leg = this.#legs.drop(sequence)
    if (leg === undefined) return
    if (leg.state === 'bootstrapping') this.#slots.withdraw(leg)
    else this.#slots.free()
    this.#pool.release(sequence)
    this.rooms.leave(leg)
    end()
    this.#slots.fill()
    this.#forward.wake()
  }
}

/** One token, "length" with length 0 whatever the token: what prefill always says. */
function answer(sequence: Sequence): void {
  sequence.produced = 1
  sequence.end({ kind: 'length', length: 0 })
}
