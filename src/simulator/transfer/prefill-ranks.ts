/** The data-parallel ranks of a prefill engine, as decode engines see them: each has rooms of its own. */
import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { DecodePort, PrefillPort } from './fabric.ts'
import type { PrefillRooms } from './prefill-rooms.ts'

type Host = Pick<SchedulerHost, 'name' | 'knobs'>

export class PrefillRanks implements PrefillPort {
  readonly #host: Host
  readonly #ranks: readonly PrefillRooms[]
  /** Whether the bootstrap server responds. */
  registered = false

  constructor(host: Host, ranks: readonly PrefillRooms[]) {
    this.#host = host
    this.#ranks = ranks
  }

  get name(): string {
    return this.#host.name
  }

  get isSilent(): boolean {
    return this.#host.knobs.blackhole
  }

  announced(room: number, decode: DecodePort, rank = room % this.#ranks.length): void {
    this.#ranks[rank]?.announced(room, decode)
  }

  abandoned(room: number): void {
    for (const rooms of this.#ranks) rooms.abandoned(room)
  }

  forgotten(room: number): void {
    for (const rooms of this.#ranks) rooms.forgotten(room)
  }
}
