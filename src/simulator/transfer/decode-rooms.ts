/**
 * The rooms of a decode engine: where prefill engines say that the KV cache is there, or that it will not come.
 *
 * Told of by prefill, it tells its scheduler. News of a room that has been concluded is not heard any more.
 */

import type { Leg } from '../sequence/legs.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric, Handover } from './fabric.ts'
import { type Room, Rooms } from './rooms.ts'

export interface DecodeLeg extends Leg {
  /** undefined: warm-up request without a peer. */
  readonly address: string | undefined
  readonly room: DecodeRoom
  state: 'handshake' | 'prealloc' | 'transfer' | 'running'
}

interface DecodeRoom extends Room<DecodeLeg> {
  /** The receiver has finished. */
  isConcluded: boolean
}

interface Hooks {
  /** The KV cache is there. */
  arrived(leg: DecodeLeg): void
  /** The KV cache is there, and nobody will ever notice. */
  lost(leg: DecodeLeg): void
  failed(leg: DecodeLeg, reason: string): void
}

export class DecodeRooms implements DecodePort {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #hooks: Hooks
  readonly #rooms = new Rooms<DecodeLeg, DecodeRoom>(number => ({
    number,
    legs: new Set(),
    isConcluded: false,
  }))
  #isAlive = true

  constructor(host: SchedulerHost, fabric: Fabric, hooks: Hooks) {
    this.#host = host
    this.#fabric = fabric
    this.#hooks = hooks
  }

  get name(): string {
    return this.#host.name
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  setAlive(isAlive: boolean): void {
    this.#isAlive = isAlive
    if (isAlive) this.#fabric.healLinksOf(this.name)
  }

  of(number: number): DecodeRoom {
    return this.#rooms.of(number)
  }

  /** The last one to leave a room lets its prefill forget it. */
  leave(leg: DecodeLeg): void {
    const isGone = this.#rooms.leave(leg.room, leg)
    if (isGone && leg.address !== undefined) this.#fabric.prefillAt(leg.address)?.forgotten(leg.room.number)
  }

  transferred(number: number, handover: Handover): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.isConcluded) return
    room.isConcluded = true
    const leg = [...room.legs].find(one => one.state === 'transfer')
    if (leg === undefined) return
    // Room 0 reads as "not written yet" for ever, and its receiver has finished: not even a timeout ends it.
    if (number === 0) return this.#hooks.lost(leg)
    leg.sequence.cachedTokens = handover.cachedTokens
    if (handover.isGarbage) leg.sequence.spoil()
    this.#hooks.arrived(leg)
  }

  transferFailed(number: number, reason: string): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.isConcluded) return
    for (const leg of room.legs) if (leg.state === 'transfer') this.#hooks.failed(leg, reason)
  }

  reset(): void {
    this.#rooms.reset()
  }
}
