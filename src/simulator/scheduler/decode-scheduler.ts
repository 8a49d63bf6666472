/**
 * The scheduler of a decode engine, as in SGLang (2026-02 to 2026-07).
 *
 *   handshake ──▶ prealloc ──head of the queue, KV cache is free──▶ transfer ──KV cache received──▶ running ──▶ done
 *      │            (no timeout)                                       │
 *      └── 15 attempts: 500 "handshake"       waitingTimeoutMs: 500 ───┘
 */

import { ABORTED, connectionLost, roomMissing, stageFailure, timedOut } from '../sequence/pd-errors.ts'
import {
  abortOf,
  FAKE_BOOTSTRAP_HOST,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'
import { type DecodeMember, DecodeRooms } from '../transfer/decode-rooms.ts'
import { bootstrapAddress, type Fabric } from '../transfer/fabric.ts'
import { Handshakes } from '../transfer/handshakes.ts'
import { RoomMembers } from '../transfer/room-members.ts'
import { KvPool } from './kv-pool.ts'
import { PreallocQueue } from './prealloc-queue.ts'
import { promptRefusal } from './prompt-limits.ts'
import { TokenLoop } from './token-loop.ts'

const DEFAULT_BOOTSTRAP_PORT = 8998

export class DecodeScheduler implements Scheduler {
  /** The side of this engine that prefill engines call. */
  readonly rooms: DecodeRooms
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #pool: KvPool
  readonly #tokens: TokenLoop
  readonly #handshakes: Handshakes
  readonly #queue: PreallocQueue<DecodeMember>
  readonly #members: RoomMembers<DecodeMember>

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#fabric = fabric
    this.#pool = new KvPool(host.knobs)
    this.#members = new RoomMembers(host.clock)
    this.rooms = new DecodeRooms(host, fabric, {
      arrived: member => this.#arrived(member),
      lost: member => this.#members.disarm(member),
      failed: (member, reason) => this.#fail(member, reason),
    })
    this.#queue = new PreallocQueue(host.knobs, this.#pool, member => this.#startTransfer(member))
    this.#tokens = new TokenLoop(host, this.#pool, sequence => this.#leave(sequence))
    this.#handshakes = new Handshakes(host, fabric, {
      connected: address => this.#connected(address),
      unreachable: address => this.#failAll(address, ABORTED),
      lost: address => this.#failAll(address, connectionLost(address)),
      stalled: ms => this.#tokens.steps.stall(ms),
      isIdle: () => this.#members.size === 0,
    })
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    if (spec.room === undefined) return sequence.end(abortOf(roomMissing(spec.rid), 400))
    // SGLang uses the missing address inside the scheduler loop, where nothing catches the error.
    if (spec.bootstrapHost === undefined && traitsOf(this.#host.knobs).missingHostKillsDecode) {
      return this.#host.die()
    }
    const refusal = promptRefusal(sequence, this.#host.knobs)
    if (refusal !== undefined) return sequence.end(abortOf(refusal, 400))

    const isFake = spec.bootstrapHost === FAKE_BOOTSTRAP_HOST
    const port = spec.bootstrapPort ?? DEFAULT_BOOTSTRAP_PORT
    const address = isFake ? undefined : bootstrapAddress(spec.bootstrapHost ?? 'None', port)
    const room = this.rooms.getOrCreate(spec.room)
    const member: DecodeMember = { sequence, address, room, state: 'handshake', timer: undefined }
    this.#members.add(member)
    room.members.add(member)
    if (address === undefined || this.#handshakes.connect(address)) this.#enqueue(member)
  }

  abort(sequence: Sequence): void {
    const member = this.#members.find(sequence)
    if (member === undefined) return
    if (member.state === 'running') return this.#tokens.abort(sequence)
    const notifiesPrefill =
      member.state !== 'handshake' && traitsOf(this.#host.knobs).decodeAbortReachesPrefill
    const prefill = member.address === undefined ? undefined : this.#fabric.prefillAt(member.address)
    this.#fail(member, ABORTED)
    if (notifiesPrefill) prefill?.abandoned(member.room.number)
  }

  load(): SchedulerLoad {
    let transferQueue = 0
    let preallocQueue = 0
    for (const member of this.#members.all()) {
      if (member.state === 'transfer') transferQueue++
      else if (member.state !== 'running') preallocQueue++
    }
    const retractedQueue = this.#tokens.retracted
    return {
      ...NO_LOAD,
      running: this.#tokens.running,
      waiting: preallocQueue + transferQueue + retractedQueue,
      usedTokens: this.#pool.used,
      preallocQueue,
      transferQueue,
      retractedQueue,
    }
  }

  clearCache(): void {
    // Decode engines have no prefix cache.
  }

  pause(): void {
    this.#queue.pause()
    this.#tokens.steps.pause()
  }

  resume(): void {
    this.#queue.resume()
    this.#tokens.steps.resume()
    this.#queue.admit()
  }

  reset(): void {
    this.#members.reset()
    this.rooms.reset()
    this.#queue.reset()
    this.#tokens.reset()
    this.#handshakes.reset()
    this.#pool.reset()
  }

  #connected(address: string): void {
    for (const member of this.#members.all()) {
      if (member.state === 'handshake' && member.address === address) this.#enqueue(member)
    }
  }

  #failAll(address: string, reason: string): void {
    for (const member of this.#members.all()) {
      if (member.address === address && member.state !== 'running') this.#fail(member, reason)
    }
  }

  #enqueue(member: DecodeMember): void {
    member.state = 'prealloc'
    this.#queue.add(member)
  }

  #startTransfer(member: DecodeMember): void {
    if (member.address === undefined) this.#run(member)
    else this.#awaitTransfer(member, member.address)
  }

  #awaitTransfer(member: DecodeMember, address: string): void {
    const { number } = member.room
    const afterMs = this.#host.knobs.waitingTimeoutMs
    member.state = 'transfer'
    this.#members.arm(member, afterMs, () => {
      this.#host.counters.partnerMissing++
      this.#fail(member, timedOut(number, afterMs, 'WaitingForInput'))
    })
    this.#fabric.prefillAt(address)?.announced(number, this.rooms, member.sequence.spec.prefillRank)
  }

  #arrived(member: DecodeMember): void {
    this.#members.disarm(member)
    this.#run(member)
  }

  #run(member: DecodeMember): void {
    member.state = 'running'
    this.#tokens.add(member.sequence)
  }

  #fail(member: DecodeMember, reason: string): void {
    const stage = member.state === 'transfer' ? 'Decode transfer' : 'Decode handshake'
    const message = stageFailure(stage, member.sequence.spec, reason)
    this.#leave(member.sequence)
    member.sequence.end(abortOf(message, 500))
  }

  #leave(sequence: Sequence): void {
    const member = this.#members.drop(sequence)
    if (member === undefined) return
    if (member.state === 'prealloc') this.#queue.remove(member)
    else if (member.state !== 'handshake') this.#queue.free()
    this.#pool.release(sequence)
    this.rooms.leave(member)
    this.#queue.admit()
  }
}
