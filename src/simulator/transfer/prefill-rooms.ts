/**
 * The rooms of a prefill engine: where decode engines say that they have a place, and hear what became of the KV cache.
 *
 * Told of by decode, it tells its scheduler; when a leg computes, sends or answers is the scheduler's.
 */

import type { Leg } from '../sequence/legs.ts'
import { NO_PREFILL_ANSWER } from '../sequence/pd-errors.ts'
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, PrefillPort } from './fabric.ts'
import { type Room, Rooms } from './rooms.ts'

export interface PrefillLeg extends Leg {
  /** undefined: warm-up request without a peer. */
  readonly room: PrefillRoom | undefined
  /** The scheduler has put a one-token dummy in the prompt's place. */
  readonly isGarbage: boolean
  state: 'bootstrapping' | 'forward' | 'inflight' | 'answering'
}

export interface PrefillRoom extends Room<PrefillLeg> {
  decode: DecodePort | undefined
  /** Why the room has failed, for requests that find out later. */
  failure: string | undefined
}

interface Hooks {
  /** Decode has a place for it. */
  bootstrapped(leg: PrefillLeg): void
  failed(leg: PrefillLeg, reason: string): void
}

export class PrefillRooms implements PrefillPort {
  readonly #host: SchedulerHost
  readonly #hooks: Hooks
  readonly #rooms = new Rooms<PrefillLeg, PrefillRoom>(number => ({
    number,
    legs: new Set(),
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

  of(number: number): PrefillRoom {
    return this.#rooms.of(number)
  }

  leave(leg: PrefillLeg): void {
    if (leg.room !== undefined) this.#rooms.leave(leg.room, leg)
  }

  announced(number: number, decode: DecodePort): void {
    const room = this.#rooms.of(number)
    room.decode = decode
    for (const leg of room.legs) this.#hooks.bootstrapped(leg)
  }

  abandoned(number: number): void {
    const room = this.#rooms.find(number)
    if (room === undefined) return
    const isNixl = this.#host.knobs.backend === 'nixl'
    room.failure = isNixl
      ? 'Aborted by decode-side abort notification.'
      : 'Failed due to an unknown reason from another rank'
    for (const leg of room.legs) {
      // One in a forward pass finds out when it comes to send.
      if (leg.state === 'bootstrapping' || leg.state === 'inflight') this.#hooks.failed(leg, room.failure)
    }
    this.forgotten(number)
  }

  forgotten(number: number): void {
    this.#rooms.forgetEmpty(number)
  }

  tellTransferred({ room, sequence, isGarbage }: PrefillLeg): void {
    room?.decode?.transferred(room.number, { cachedTokens: sequence.cachedTokens, isGarbage })
  }

  tellFailed({ room }: PrefillLeg): void {
    room?.decode?.transferFailed(room.number, NO_PREFILL_ANSWER)
  }

  reset(): void {
    this.#rooms.reset()
  }
}
