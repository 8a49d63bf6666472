/**
 * The scheduler of a prefill engine, as in SGLang (2026-02 to 2026-07).
 *
 *   bootstrapping ──decode has allocated, slot is free──▶ forward ──▶ inflight ──KV cache sent──▶ responding
 *        │                                                  │            │
 *        └── bootstrapTimeoutMs, abort: 500 "bootstrap"     │            └── transfer failed, abort: 500
 *                                                           └── abort: 200, decode is not notified
 *
 * Nothing is computed for a prompt until the decode engine has allocated its KV cache. The response has one token.
 */

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
import { RoomMembers } from '../transfer/room-members.ts'
import { ForwardLoop } from './forward-loop.ts'
import { KvPool } from './kv-pool.ts'
import { maxReqInputLen, promptRefusal } from './prompt-limits.ts'

export class PrefillScheduler implements Scheduler {
  /** The side of this engine that decode engines call. */
  readonly rooms: PrefillRooms
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #forward: ForwardLoop
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
    this.#forward = new ForwardLoop(host, this.#pool, {
      forwarded: sequence => this.#forwarded(sequence),
      aborted: sequence => this.#end(sequence, () => sequence.end(abortOf('Aborted', null))),
    })
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    if (spec.bootstrapHost === FAKE_BOOTSTRAP_HOST) return this.#submitWarmUp(sequence)
    if (spec.room === undefined) return sequence.end(abortOf(roomMissing(spec.rid), 400))
    const refusal = promptRefusal(sequence, this.#host.knobs)
    const isGarbage = refusal !== undefined && this.#producesGarbage(sequence)
    if (refusal !== undefined && !isGarbage) return sequence.end(abortOf(refusal, 400))
    if (isGarbage) sequence.promptTokens = 1

    const room = this.rooms.getOrCreate(spec.room)
    const member: PrefillMember = { sequence, room, isGarbage, state: 'bootstrapping', timer: undefined }
    room.members.add(member)
    this.#members.add(member)
    if (room.failure !== undefined) return this.#fail(member, room.failure)
    this.#startBootstrapTimeout(member, spec.room)
    if (room.decode !== undefined) this.#bootstrapped(member)
  }

  abort(sequence: Sequence): void {
    const member = this.#members.find(sequence)
    // Once the KV cache has been sent there is nothing left to abort.
    if (member === undefined || member.state === 'responding') return
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
    this.#forward.clearCache()
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
  }

  #producesGarbage(sequence: Sequence): boolean {
    const { knobs } = this.#host
    return knobs.garbageOnLenMismatch && sequence.spec.prompt.tokens >= maxReqInputLen(knobs)
  }

  #submitWarmUp(sequence: Sequence): void {
    this.#members.add({ sequence, room: undefined, isGarbage: false, state: 'forward', timer: undefined })
    this.#slots.take()
    this.#forward.add(sequence)
  }

  #startBootstrapTimeout(member: PrefillMember, room: number): void {
    const { knobs, counters } = this.#host
    // The NIXL sender has no bootstrap timeout (SGLang 2026-07).
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
    // NIXL does not notify decode, which waits for its own timeout (SGLang 2026-07).
    if (this.#host.knobs.backend === 'mooncake') this.rooms.notifyTransferFailed(member)
    this.#fail(member, reason)
  }

  #completeTransfer(member: PrefillMember): void {
    this.rooms.notifyTransferred(member)
    this.#respondSoon(member)
  }

  /** The scheduler notices the end of a transfer in the next turn of its loop: after the current step. */
  #respondSoon(member: PrefillMember): void {
    const afterMs = Math.max(this.#host.knobs.loopDelayMs, this.#forward.steps.remainingMs)
    member.state = 'responding'
    this.#members.arm(member, afterMs, () => this.#end(member.sequence, () => finishPrefill(member.sequence)))
  }

  #fail(member: PrefillMember, reason: string): void {
    const stage = member.state === 'bootstrapping' ? 'Prefill bootstrap' : 'Prefill transfer'
    const message = stageFailure(stage, member.sequence.spec, reason)
    this.#end(member.sequence, () => member.sequence.end(abortOf(message, 500)))
  }

  /** Removes the sequence, then calls `end`, so that the listener of its end finds the resources free. */
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

/** Ends a prefill sequence with one token and finish reason "length" with length 0, whatever the token (SGLang 2026-07). */
function finishPrefill(sequence: Sequence): void {
  sequence.produced = 1
  sequence.end({ kind: 'length', length: 0 })
}
