/**
 * Scheduler of a decode engine.
 *
 *   handshake ──▶ prealloc ──head of the queue, room in the KV cache──▶ transfer ──KV is here──▶ running ──▶ done
 *      │             (no timeout)                                          │
 *      └── 15 tries: 500 "handshake"              waitingTimeoutMs: 500 ───┘
 *
 * Allocation is first come, first served: a large prompt at the head holds up all behind it.
 */
import type { TimerHandle } from './clock.ts'
import { bootstrapAddress, type DecodePort, type Fabric, type Handover } from './fabric.ts'
import { Handshakes } from './handshakes.ts'
import { KvPool } from './kv-pool.ts'
import { ABORTED, connectionLost, roomMissing, stageFailure, timedOut } from './pd-errors.ts'
import { traitsOf } from './profiles.ts'
import { promptRefusal } from './prompt-limits.ts'
import {
  abortOf,
  FAKE_BOOTSTRAP_HOST,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from './scheduler.ts'
import type { Sequence } from './sequence.ts'
import { TokenLoop } from './token-loop.ts'

interface Leg {
  readonly sequence: Sequence
  /** undefined: warm-up request without a peer. */
  readonly address: string | undefined
  readonly room: number
  state: 'handshake' | 'prealloc' | 'transfer' | 'running'
  timer: TimerHandle | undefined
}

/** Status of a room, shared by all requests that name it. */
interface Cell {
  readonly legs: Set<Leg>
  /** The receiver has finished: later news of the room is not heard. */
  isConcluded: boolean
}

const DEFAULT_BOOTSTRAP_PORT = 8998

export class DecodeScheduler implements Scheduler, DecodePort {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #pool: KvPool
  readonly #tokens: TokenLoop
  readonly #handshakes: Handshakes
  readonly #legs = new Map<Sequence, Leg>()
  readonly #cells = new Map<number, Cell>()
  #queue: Leg[] = []
  /** Legs that have a place in the KV cache. */
  #active = 0
  #isAlive = true
  #isPaused = false

  constructor(host: SchedulerHost, fabric: Fabric) {
    this.#host = host
    this.#fabric = fabric
    this.#pool = new KvPool(host.knobs)
    this.#tokens = new TokenLoop(host, this.#pool, sequence => this.#leave(sequence))
    this.#handshakes = new Handshakes(host, fabric, {
      connected: address => this.#connected(address),
      unreachable: address => this.#failAll(address, ABORTED),
      lost: address => this.#failAll(address, connectionLost(address)),
      stalled: ms => this.#tokens.stall(ms),
      isIdle: () => this.#legs.size === 0,
    })
  }

  get name(): string {
    return this.#host.name
  }

  get isAlive(): boolean {
    return this.#isAlive
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
    const leg: Leg = { sequence, address, room: spec.room, state: 'handshake', timer: undefined }
    this.#legs.set(sequence, leg)
    this.#joinCell(leg)
    if (address === undefined || this.#handshakes.connect(address)) this.#enqueue(leg)
  }

  abort(sequence: Sequence): void {
    const leg = this.#legs.get(sequence)
    if (leg === undefined) return
    if (leg.state === 'running') return this.#tokens.abort(sequence)
    const tellsPrefill = leg.state !== 'handshake' && traitsOf(this.#host.knobs).decodeAbortReachesPrefill
    const prefill = leg.address === undefined ? undefined : this.#fabric.prefillAt(leg.address)
    this.#fail(leg, ABORTED)
    if (tellsPrefill) prefill?.abandoned(leg.room)
  }

  transferred(room: number, handover: Handover): void {
    const cell = this.#cells.get(room)
    if (cell === undefined || cell.isConcluded) return
    cell.isConcluded = true
    const leg = [...cell.legs].find(one => one.state === 'transfer')
    if (leg === undefined) return
    this.#host.clock.clearTimeout(leg.timer)
    // Room 0 reads as "not written yet" for ever, and its receiver has finished: not even a timeout ends it.
    if (room === 0) return
    leg.sequence.cachedTokens = handover.cachedTokens
    if (handover.isGarbage) leg.sequence.spoil()
    this.#run(leg)
  }

  transferFailed(room: number, reason: string): void {
    const cell = this.#cells.get(room)
    if (cell === undefined || cell.isConcluded) return
    for (const leg of cell.legs) if (leg.state === 'transfer') this.#fail(leg, reason)
  }

  load(): SchedulerLoad {
    let transferQueue = 0
    let preallocQueue = 0
    for (const leg of this.#legs.values()) {
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
    this.#isPaused = true
    this.#tokens.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#tokens.resume()
    this.#admit()
  }

  reset(): void {
    for (const leg of this.#legs.values()) this.#host.clock.clearTimeout(leg.timer)
    this.#legs.clear()
    this.#cells.clear()
    this.#queue = []
    this.#active = 0
    this.#isPaused = false
    this.#tokens.reset()
    this.#handshakes.reset()
    this.#pool.reset()
  }

  setAlive(isAlive: boolean): void {
    this.#isAlive = isAlive
    if (isAlive) this.#fabric.healLinksOf(this.name)
  }

  #joinCell(leg: Leg): void {
    const cell = this.#cells.get(leg.room)
    if (cell === undefined) this.#cells.set(leg.room, { legs: new Set([leg]), isConcluded: false })
    else cell.legs.add(leg)
  }

  #connected(address: string): void {
    for (const leg of this.#legs.values()) {
      if (leg.state === 'handshake' && leg.address === address) this.#enqueue(leg)
    }
  }

  #failAll(address: string, reason: string): void {
    for (const leg of this.#legs.values()) {
      if (leg.address === address && leg.state !== 'running') this.#fail(leg, reason)
    }
  }

  #enqueue(leg: Leg): void {
    leg.state = 'prealloc'
    this.#queue.push(leg)
    this.#admit()
  }

  #admit(): void {
    while (!this.#isPaused) {
      const leg = this.#queue[0]
      if (leg === undefined || !this.#fits(leg.sequence)) return
      this.#queue.shift()
      this.#active++
      this.#pool.take(leg.sequence, leg.sequence.promptTokens)
      if (leg.address === undefined) this.#run(leg)
      else this.#announce(leg, leg.address)
    }
  }

  #fits(sequence: Sequence): boolean {
    const { maxRunning, reservedDecodeTokens, kvTokens } = this.#host.knobs
    if (this.#active >= maxRunning) return false
    const free = this.#pool.free - reservedDecodeTokens * this.#active
    // An empty engine takes what fits its cache at all: no later moment would be better.
    return free >= sequence.promptTokens + reservedDecodeTokens || (this.#active === 0 && free === kvTokens)
  }

  #announce(leg: Leg, address: string): void {
    const { knobs, clock } = this.#host
    leg.state = 'transfer'
    const afterMs = knobs.waitingTimeoutMs
    leg.timer = clock.setTimeout(() => {
      this.#host.counters.partnerMissing++
      this.#fail(leg, timedOut(leg.room, afterMs, 'WaitingForInput'))
    }, afterMs)
    this.#fabric.prefillAt(address)?.announced(leg.room, this)
  }

  #run(leg: Leg): void {
    leg.state = 'running'
    this.#tokens.add(leg.sequence)
  }

  #fail(leg: Leg, reason: string): void {
    const stage = leg.state === 'transfer' ? 'Decode transfer' : 'Decode handshake'
    const message = stageFailure(stage, leg.sequence.spec, reason)
    this.#leave(leg.sequence)
    leg.sequence.end(abortOf(message, 500))
  }

  #leave(sequence: Sequence): void {
    const leg = this.#legs.get(sequence)
    if (leg === undefined) return
    this.#legs.delete(sequence)
    this.#host.clock.clearTimeout(leg.timer)
    if (leg.state === 'prealloc') this.#queue = this.#queue.filter(one => one !== leg)
    else if (leg.state !== 'handshake') this.#active--
    this.#pool.release(sequence)
    this.#leaveCell(leg)
    this.#admit()
  }

  #leaveCell(leg: Leg): void {
    const cell = this.#cells.get(leg.room)
    if (cell === undefined) return
    cell.legs.delete(leg)
    if (cell.legs.size > 0) return
    this.#cells.delete(leg.room)
    if (leg.address !== undefined) this.#fabric.prefillAt(leg.address)?.forgotten(leg.room)
  }
}
