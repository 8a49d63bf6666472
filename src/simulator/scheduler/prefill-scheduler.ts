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

import { RoomMembers } from '../sequence/legs.ts'
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
import { type PrefillMember, type PrefillRoom, PrefillRooms } from '../transfer/prefill-rooms.ts'
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
  readonly #slots: MetadataSlots<PrefillMember>
  readonly #members: RoomMembers<PrefillMember>

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#pool = new KvPool(host.knobs)
    this.#members = new RoomMembers(host.clock)
    this.rooms = new PrefillRooms(host, {
      bootstrapped: member => this.#bootstrapped(member),
      failed: (member, reason) => this.#fail(member, reason),
    })
    this.#slots = new MetadataSlots(host.knobs, member => this.#startForward(member))
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
    const isGarbage = refusal !== undefined && this.#producesGarbage(sequence)
    if (refusal !== undefined && !isGarbage) return sequence.end(abortOf(refusal, 400))
    if (isGarbage) sequence.promptTokens = 1

    const room = this.rooms.getOrCreate(spec.room)
    const member: PrefillMember = { sequence, room, isGarbage, state: 'bootstrapping', timer: undefined }
    room.members.add(member)
    this.#members.add(member)
    this.#watchBootstrap(member, spec.room)
    if (room.decode !== undefined) this.#bootstrapped(member)
  }

  abort(sequence: Sequence): void {
    const member = this.#members.find(sequence)
    // Once the cache is over there is nothing left to abort: the answer is on its way.
    if (member === undefined || member.state === 'answering') return
    if (member.state === 'forward') {
      const isRemoved = this.#forward.abort(sequence) === 'removed'
      if (isRemoved) this.#end(sequence, () => sequence.end(abortOf('Abort in waiting queue', null)))
    } else {
      this.#fail(member, ABORTED)
      if (this.#host.knobs.notifyDecodeOnPrefillAbort) this.rooms.notifyTransferFailed(member)
    }
  }

  load(): SchedulerLoad {
    let bootstrapQueue = 0
    let inflightQueue = 0
    for (const member of this.#members.all()) {
      if (member.state === 'bootstrapping') bootstrapQueue++
      else if (member.state !== 'forward') inflightQueue++
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
    this.#members.reset()
    this.rooms.reset()
    this.#slots.reset()
    this.#forward.reset()
    this.#sender.reset()
    this.#pool.reset()
    this.#prefixes.clear()
  }

  #producesGarbage(sequence: Sequence): boolean {
    const { knobs } = this.#host
    return knobs.garbageOnLenMismatch && sequence.spec.prompt.tokens > maxReqInputLen(knobs)
  }

  #submitFake(sequence: Sequence): void {
    this.#members.add({ sequence, room: undefined, isGarbage: false, state: 'forward', timer: undefined })
    this.#slots.take()
    this.#forward.add(sequence)
  }

  #watchBootstrap(member: PrefillMember, room: number): void {
    const { knobs, counters } = this.#host
    // The sender of NIXL never looks at its clock.
    if (knobs.backend === 'nixl') return
    const afterMs = knobs.bootstrapTimeoutMs
    this.#members.arm(member, afterMs, () => {
      counters.partnerMissing++
      this.#fail(member, timedOut(room, afterMs, 'Bootstrapping'))
    })
  }

  #bootstrapped(member: PrefillMember): void {
    if (member.state === 'bootstrapping') this.#slots.request(member)
  }

  #startForward(member: PrefillMember): void {
    this.#members.disarm(member)
    member.state = 'forward'
    this.#forward.add(member.sequence)
  }

  #forwarded(sequence: Sequence): void {
    const member = this.#members.find(sequence)
    if (member === undefined) return
    if (member.room === undefined) return this.#respondSoon(member)
    member.state = 'inflight'
    if (member.room.failure !== undefined) return this.#fail(member, member.room.failure)
    this.#send(member, member.room)
  }

  #send(member: PrefillMember, { number, decode }: PrefillRoom): void {
    if (decode === undefined) return
    this.#sender.send({
      decode,
      room: number,
      tokens: member.sequence.promptTokens,
      isWanted: () => this.#members.find(member.sequence) === member,
      done: failure => {
        if (failure === undefined) this.#completeTransfer(member)
        else this.#breakTransfer(member, failure)
      },
    })
  }

  #breakTransfer(member: PrefillMember, reason: string): void {
    // NIXL of this time tells nobody: decode waits until its own timeout.
    if (this.#host.knobs.backend === 'mooncake') this.rooms.notifyTransferFailed(member)
    this.#fail(member, reason)
  }

  #completeTransfer(member: PrefillMember): void {
    this.rooms.notifyTransferred(member)
    this.#respondSoon(member)
  }

  /** The scheduler sees the finished transfer when its loop comes round: after the step under way. */
  #respondSoon(member: PrefillMember): void {
    const afterMs = Math.max(this.#host.knobs.loopDelayMs, this.#forward.steps.remainingMs)
    member.state = 'answering'
    this.#members.arm(member, afterMs, () => this.#end(member.sequence, () => finishPrefill(member.sequence)))
  }

  #fail(member: PrefillMember, reason: string): void {
    const stage = member.state === 'bootstrapping' ? 'Prefill bootstrap' : 'Prefill transfer'
    const message = stageFailure(stage, member.sequence.spec, reason)
    this.#end(member.sequence, () => member.sequence.end(abortOf(message, 500)))
  }

  /** Frees what the sequence holds, then lets it end: who hears of the end finds the room free. */
  #end(sequence: Sequence, end: () => void): void {
    const member = this.#members.drop(sequence)
    if (member === undefined) return
    if (member.state === 'bootstrapping') this.#slots.withdraw(member)
    else this.#slots.free()
    this.#pool.release(sequence)
    this.rooms.leave(member)
    end()
    this.#slots.fill()
    this.#forward.wake()
  }
}

/** One token, "length" with length 0 whatever the token: what prefill always says. */
function finishPrefill(sequence: Sequence): void {
  sequence.produced = 1
  sequence.end({ kind: 'length', length: 0 })
}
