/**
 * The bootstrap rooms of one rank of a prefill engine. Decode engines report here that they have allocated their KV cache, and are
 * notified of the outcome of the transfer.
 *
 * When a member computes, sends or responds is up to the scheduler.
 */

import { KV_CACHE_NOT_RECEIVED } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import { traitsOf } from '../settings/profiles.ts'
import type { DecodePort } from './fabric.ts'
import type { RoomMember } from './room-members.ts'
import { type Room, Rooms } from './rooms.ts'

export interface PrefillMember extends RoomMember {
  /** undefined for a warm-up request, which has no peer. */
  readonly room: PrefillRoom | undefined
  /** Whether the scheduler has replaced the prompt by a dummy of one token. */
  readonly isGarbage: boolean
  state: 'bootstrapping' | 'forward' | 'inflight' | 'responding'
}

export interface PrefillRoom extends Room<PrefillMember> {
  /** Set once the decode engine has allocated its KV cache. */
  decode: DecodePort | undefined
  /** Why the room has failed. Members in a forward pass read it when they come to send. */
  failure: string | undefined
}

interface Hooks {
  /** The decode engine has allocated its KV cache. */
  bootstrapped(member: PrefillMember): void
  failed(member: PrefillMember, reason: string): void
}

/** Number of rooms that are remembered after decode has abandoned them before prefill joined. */
const MAX_ABANDONED = 10_000

export class PrefillRooms {
  readonly #host: SchedulerHost
  readonly #hooks: Hooks
  readonly #rooms = new Rooms<PrefillMember, PrefillRoom>(number => ({
    number,
    members: new Set(),
    decode: undefined,
    failure: undefined,
  }))
  /** Rooms that decode has abandoned and prefill has not joined, oldest first, with the reason. */
  readonly #abandoned = new Map<number, string>()

  constructor(host: SchedulerHost, hooks: Hooks) {
    this.#host = host
    this.#hooks = hooks
  }

  getOrCreate(number: number): PrefillRoom {
    const room = this.#rooms.getOrCreate(number)
    room.failure ??= this.#abandoned.get(number)
    this.#abandoned.delete(number)
    return room
  }

  leave(member: PrefillMember): void {
    if (member.room !== undefined) this.#rooms.leave(member.room, member)
  }

  /** The decode engine has allocated its KV cache for the room. */
  announced(number: number, decode: DecodePort): void {
    const room = this.#rooms.getOrCreate(number)
    room.decode = decode
    for (const member of room.members) this.#hooks.bootstrapped(member)
  }

  /** The decode engine has aborted the request of the room, and says so. */
  abandoned(number: number): void {
    const isNixl = this.#host.knobs.backend === 'nixl'
    const failure = isNixl
      ? 'Aborted by decode-side abort notification.'
      : 'Failed due to an unknown reason from another rank'
    const room = this.#rooms.find(number)
    if (room === undefined) return this.#remember(number, failure)
    room.failure = failure
    for (const member of room.members) {
      // A member in a forward pass fails when it comes to send.
      if (member.state === 'bootstrapping' || member.state === 'inflight') this.#hooks.failed(member, failure)
    }
    if (this.#rooms.forgetEmpty(number)) this.#remember(number, failure)
  }

  #remember(number: number, failure: string): void {
    if (!traitsOf(this.#host.knobs).latePrefillFails) return
    this.#abandoned.set(number, failure)
    if (this.#abandoned.size <= MAX_ABANDONED) return
    for (const oldest of this.#abandoned.keys()) {
      this.#abandoned.delete(oldest)
      return
    }
  }

  /** The decode engine has left the room. */
  forgotten(number: number): void {
    this.#rooms.forgetEmpty(number)
  }

  notifyTransferred({ room, sequence, isGarbage }: PrefillMember): void {
    room?.decode?.transferred(room.number, { cachedTokens: sequence.cachedTokens, isGarbage })
  }

  notifyTransferFailed({ room }: PrefillMember): void {
    room?.decode?.transferFailed(room.number, KV_CACHE_NOT_RECEIVED)
  }

  reset(): void {
    this.#abandoned.clear()
    this.#rooms.reset()
  }
}
