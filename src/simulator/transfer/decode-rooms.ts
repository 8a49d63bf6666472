/**
 * The rooms of a decode engine: where prefill engines say that the KV cache is there, or that it will not come.
 *
 * Told of by prefill, it tells its scheduler. News of a room that has been concluded is not heard any more.
 */

import type { RoomMember } from '../sequence/legs.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric, Handover } from './fabric.ts'
import { type Room, Rooms } from './rooms.ts'

export interface DecodeMember extends RoomMember {
  /** undefined: warm-up request without a peer. */
  readonly address: string | undefined
  readonly room: DecodeRoom
  state: 'handshake' | 'prealloc' | 'transfer' | 'running'
}

interface DecodeRoom extends Room<DecodeMember> {
  /** The receiver has finished. */
  isConcluded: boolean
}

interface Hooks {
  /** The KV cache is there. */
  arrived(member: DecodeMember): void
  /** The KV cache is there, and nobody will ever notice. */
  lost(member: DecodeMember): void
  failed(member: DecodeMember, reason: string): void
}

export class DecodeRooms implements DecodePort {
  readonly #host: SchedulerHost
  readonly #fabric: Fabric
  readonly #hooks: Hooks
  readonly #rooms = new Rooms<DecodeMember, DecodeRoom>(number => ({
    number,
    members: new Set(),
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

  getOrCreate(number: number): DecodeRoom {
    return this.#rooms.getOrCreate(number)
  }

  /** The last one to leave a room lets its prefill forget it. */
  leave(member: DecodeMember): void {
    const isGone = this.#rooms.leave(member.room, member)
    if (isGone && member.address !== undefined)
      this.#fabric.prefillAt(member.address)?.forgotten(member.room.number)
  }

  transferred(number: number, handover: Handover): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.isConcluded) return
    room.isConcluded = true
    const member = [...room.members].find(one => one.state === 'transfer')
    if (member === undefined) return
    // Room 0 reads as "not written yet" for ever, and its receiver has finished: not even a timeout ends it.
    if (number === 0) return this.#hooks.lost(member)
    member.sequence.cachedTokens = handover.cachedTokens
    if (handover.isGarbage) member.sequence.spoil()
    this.#hooks.arrived(member)
  }

  transferFailed(number: number, reason: string): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.isConcluded) return
    for (const member of room.members) if (member.state === 'transfer') this.#hooks.failed(member, reason)
  }

  reset(): void {
    this.#rooms.reset()
  }
}
