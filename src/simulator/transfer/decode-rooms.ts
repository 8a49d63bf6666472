/**
 * The bootstrap rooms of a decode engine. Prefill engines report here whether the KV cache of a room has been transferred,
 * and the scheduler is notified through hooks.
 *
 * Reports about a room whose transfer has already been concluded are ignored.
 */

import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, Fabric, Handover } from './fabric.ts'
import type { RoomMember } from './room-members.ts'
import { type Room, Rooms } from './rooms.ts'

export interface DecodeMember extends RoomMember {
  /** Address of the bootstrap server; undefined for a warm-up request, which has no peer. */
  readonly address: string | undefined
  readonly room: DecodeRoom
  state: 'handshake' | 'prealloc' | 'transfer' | 'running'
}

interface DecodeRoom extends Room<DecodeMember> {
  /** Whether the outcome of the transfer is known. */
  concluded: boolean
}

interface Hooks {
  /** The KV cache has been received. */
  arrived(member: DecodeMember): void
  /** The KV cache has been received, but the engine never notices: the request hangs. */
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
    concluded: false,
  }))
  #alive = true

  constructor(host: SchedulerHost, fabric: Fabric, hooks: Hooks) {
    this.#host = host
    this.#fabric = fabric
    this.#hooks = hooks
  }

  get name(): string {
    return this.#host.name
  }

  get alive(): boolean {
    return this.#alive
  }

  setAlive(alive: boolean): void {
    this.#alive = alive
    if (alive) this.#fabric.healLinksOf(this.name)
  }

  getOrCreate(number: number): DecodeRoom {
    return this.#rooms.getOrCreate(number)
  }

  /** Removes the member. When it was the last one of its room, the prefill engine can forget the room too. */
  leave(member: DecodeMember): void {
    const isRemoved = this.#rooms.leave(member.room, member)
    if (isRemoved && member.address !== undefined)
      this.#fabric.prefillAt(member.address)?.forgotten(member.room.number)
  }

  transferred(number: number, handover: Handover): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.concluded) return
    room.concluded = true
    const member = [...room.members].find(({ state }) => state === 'transfer')
    if (member === undefined) return
    // SGLang reads room 0 as "not written yet". The receiver has finished, so that not even a timeout ends the request.
    if (number === 0) return this.#hooks.lost(member)
    member.sequence.cachedTokens = handover.cachedTokens
    if (handover.isGarbage) member.sequence.spoil()
    this.#hooks.arrived(member)
  }

  transferFailed(number: number, reason: string): void {
    const room = this.#rooms.find(number)
    if (room === undefined || room.concluded) return
    for (const member of room.members) if (member.state === 'transfer') this.#hooks.failed(member, reason)
  }

  reset(): void {
    this.#rooms.reset()
  }
}
