/**
 * The rooms of a prefill engine: where decode engines say that they have a place, and hear what became of the KV cache.
 *
 * Told of by decode, it tells its scheduler; when a leg computes, sends or answers is the scheduler's.
 */

import type { RoomMember } from '../sequence/legs.ts'
import { NO_PREFILL_ANSWER } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, PrefillPort } from './fabric.ts'
import { type Room, Rooms } from './rooms.ts'

export interface PrefillMember extends RoomMember {
  /** undefined: warm-up request without a peer. */
  readonly room: PrefillRoom | undefined
  /** The scheduler has put a one-token dummy in the prompt's place. */
  readonly isGarbage: boolean
  state: 'bootstrapping' | 'forward' | 'inflight' | 'answering'
}

export interface PrefillRoom extends Room<PrefillMember> {
  decode: DecodePort | undefined
  /** Why the room has failed, for requests that find out later. */
  failure: string | undefined
}

interface Hooks {
  /** Decode has a place for it. */
  bootstrapped(member: PrefillMember): void
  failed(member: PrefillMember, reason: string): void
}

export class PrefillRooms implements PrefillPort {
  readonly #host: SchedulerHost
  readonly #hooks: Hooks
  readonly #rooms = new Rooms<PrefillMember, PrefillRoom>(number => ({
    number,
    members: new Set(),
    decode: undefined,
    failure: undefined,
  }))
  /** Its bootstrap server answers. */
  isRegistered = false

  constructor(host: SchedulerHost, hooks: Hooks) {
    this.#host = host
    this.#hooks = hooks
  }

  get name(): string {
    return this.#host.name
  }

  getOrCreate(number: number): PrefillRoom {
    return this.#rooms.getOrCreate(number)
  }

  leave(member: PrefillMember): void {
    if (member.room !== undefined) this.#rooms.leave(member.room, member)
  }

  announced(number: number, decode: DecodePort): void {
    const room = this.#rooms.getOrCreate(number)
    room.decode = decode
    for (const member of room.members) this.#hooks.bootstrapped(member)
  }

  abandoned(number: number): void {
    const room = this.#rooms.find(number)
    if (room === undefined) return
    const isNixl = this.#host.knobs.backend === 'nixl'
    room.failure = isNixl
      ? 'Aborted by decode-side abort notification.'
      : 'Failed due to an unknown reason from another rank'
    for (const member of room.members) {
      // One in a forward pass finds out when it comes to send.
      if (member.state === 'bootstrapping' || member.state === 'inflight')
        this.#hooks.failed(member, room.failure)
    }
    this.forgotten(number)
  }

  forgotten(number: number): void {
    this.#rooms.forgetEmpty(number)
  }

  notifyTransferred({ room, sequence, isGarbage }: PrefillMember): void {
    room?.decode?.transferred(room.number, { cachedTokens: sequence.cachedTokens, isGarbage })
  }

  notifyTransferFailed({ room }: PrefillMember): void {
    room?.decode?.transferFailed(room.number, NO_PREFILL_ANSWER)
  }

  reset(): void {
    this.#rooms.reset()
  }
}
