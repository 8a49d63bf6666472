/**
 * Scheduler of a decode engine.
 *
 *   handshake ──▶ prealloc ──head of the queue, room in the KV cache──▶ transfer ──KV is here──▶ running ──▶ done
 *      │             (no timeout)                                          │
 *      └── 15 tries: 500 "handshake"              waitingTimeoutMs: 500 ───┘
 */

import { Legs } from '../sequence/legs.ts'
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
import { type DecodeLeg, DecodeRooms } from '../transfer/decode-rooms.ts'
import { bootstrapAddress, type Fabric } from '../transfer/fabric.ts'
import { Handshakes } from '../transfer/handshakes.ts'
import { KvPool } from './kv-pool.ts'
import { PreallocQueue } from './prealloc-queue.ts'
import { promptRefusal } from './prompt-limits.ts'
import { TokenLoop } from './token-loop.ts'

const DEFAULT_BOOTSTRAP_PORT = 8998

export class DecodeScheduler implements Scheduler {
  /** How prefill engines reach it. */
  readonly rooms: DecodeRooms
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #pool: KvPool
  readonly #tokens: TokenLoop
  readonly #handshakes: Handshakes
  readonly #queue: PreallocQueue<DecodeLeg>
  readonly #legs: Legs<DecodeLeg>

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#fabric = fabric
    this.#pool = new KvPool(host.knobs)
    this.#legs = new Legs(host.clock)
    this.rooms = new DecodeRooms(host, fabric, {
      arrived: leg => this.#arrived(leg),
      lost: leg => this.#legs.disarm(leg),
      failed: (leg, reason) => this.#fail(leg, reason),
    })
    this.#queue = new PreallocQueue(host.knobs, this.#pool, leg => this.#admitted(leg))
    this.#tokens = new TokenLoop(host, this.#pool, sequence => this.#leave(sequence))
    this.#handshakes = new Handshakes(host, fabric, {
      connected: address => this.#connected(address),
      unreachable: address => this.#failAll(address, ABORTED),
      lost: address => this.#failAll(address, connectionLost(address)),
      stalled: ms => this.#tokens.steps.stall(ms),
      isIdle: () => this.#legs.size === 0,
    })
  }

  submit(sequence: Sequence): void {
    const { spec } = sequence
    if (spec.room === undefined) return sequence.end(abortOf(roomMissing(spec.rid), 400))
    // A null address is followed inside the scheduler loop, where nothing catches the error.
    if (spec.bootstrapHost === undefined && traitsOf(this.#host.knobs).missingHostKillsDecode) {
      return this.#host.die()
    }
    const refusal = promptRefusal(sequence, this.#host.knobs)
    if (refusal !== undefined) return sequence.end(abortOf(refusal, 400))

    const isFake = spec.bootstrapHost === FAKE_BOOTSTRAP_HOST
    const port = spec.bootstrapPort ?? DEFAULT_BOOTSTRAP_PORT
    const address = isFake ? undefined : bootstrapAddress(spec.bootstrapHost ?? 'None', port)
    const room = this.rooms.of(spec.room)
    const leg: DecodeLeg = { sequence, address, room, state: 'handshake', timer: undefined }
    this.#legs.add(leg)
    room.legs.add(leg)
    if (address === undefined || this.#handshakes.connect(address)) this.#enqueue(leg)
  }

  abort(sequence: Sequence): void {
    const leg = this.#legs.of(sequence)
    if (leg === undefined) return
    if (leg.state === 'running') return this.#tokens.abort(sequence)
    const tellsPrefill = leg.state !== 'handshake' && traitsOf(this.#host.knobs).decodeAbortReachesPrefill
    const prefill = leg.address === undefined ? undefined : this.#fabric.prefillAt(leg.address)
    this.#fail(leg, ABORTED)
    if (tellsPrefill) prefill?.abandoned(leg.room.number)
  }

  load(): SchedulerLoad {
    let transferQueue = 0
    let preallocQueue = 0
    for (const leg of this.#legs.all()) {
      if (leg.state === 'transfer') transferQueue++
      else if (leg.state !== 'running') preallocQueue++
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
    // Decode engines run without a prefix cache.
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
    this.#legs.reset()
    this.rooms.reset()
    this.#queue.reset()
    this.#tokens.reset()
    this.#handshakes.reset()
    this.#pool.reset()
  }

  #connected(address: string): void {
    for (const leg of this.#legs.all()) {
      if (leg.state === 'handshake' && leg.address === address) this.#enqueue(leg)
    }
  }

  #failAll(address: string, reason: string): void {
    for (const leg of this.#legs.all()) {
      if (leg.address === address && leg.state !== 'running') this.#fail(leg, reason)
    }
  }

  #enqueue(leg: DecodeLeg): void {
    leg.state = 'prealloc'
    this.#queue.add(leg)
  }

  #admitted(leg: DecodeLeg): void {
    if (leg.address === undefined) this.#run(leg)
    else this.#announce(leg, leg.address)
  }

  #announce(leg: DecodeLeg, address: string): void {
    const { number } = leg.room
    const afterMs = this.#host.knobs.waitingTimeoutMs
    leg.state = 'transfer'
    this.#legs.arm(leg, afterMs, () => {
      this.#host.counters.partnerMissing++
      this.#fail(leg, timedOut(number, afterMs, 'WaitingForInput'))
    })
    this.#fabric.prefillAt(address)?.announced(number, this.rooms)
  }

  #arrived(leg: DecodeLeg): void {
    this.#legs.disarm(leg)
    this.#run(leg)
  }

  #run(leg: DecodeLeg): void {
    leg.state = 'running'
    this.#tokens.add(leg.sequence)
  }

  #fail(leg: DecodeLeg, reason: string): void {
    const stage = leg.state === 'transfer' ? 'Decode transfer' : 'Decode handshake'
    const message = stageFailure(stage, leg.sequence.spec, reason)
    this.#leave(leg.sequence)
    leg.sequence.end(abortOf(message, 500))
  }

  #leave(sequence: Sequence): void {
    const leg = this.#legs.drop(sequence)
    if (leg === undefined) return
    if (leg.state === 'prealloc') this.#queue.remove(leg)
    else if (leg.state !== 'handshake') this.#queue.free()
    this.#pool.release(sequence)
    this.rooms.leave(leg)
    this.#queue.admit()
  }
}
