/**
 * The metadata slots of a prefill engine. A request holds one from its bootstrap until its response; if none is free,
 * requests wait in order of arrival.
 */
import type { Knobs } from '../settings/knobs.ts'

export class MetadataSlots<M> {
  readonly #knobs: Knobs
  readonly #taken: (member: M) => void
  #waiting: M[] = []
  #count = 0

  /** `taken` is called for each member that gets a slot. */
  constructor(knobs: Knobs, taken: (member: M) => void) {
    this.#knobs = knobs
    this.#taken = taken
  }

  /** Queues the member for a slot. A second request of the same member has no effect. */
  request(member: M): void {
    if (this.#waiting.includes(member)) return
    this.#waiting.push(member)
    this.fill()
  }

  /** Takes a slot without queueing, even if none is free. */
  take(): void {
    this.#count++
  }

  withdraw(member: M): void {
    this.#waiting = this.#waiting.filter(queued => queued !== member)
  }

  /** Frees a slot. The next member in the queue gets it only when `fill` is called. */
  free(): void {
    this.#count--
  }

  fill(): void {
    const { metadataSlots, maxRunning } = this.#knobs
    const slots = metadataSlots > 0 ? metadataSlots : 2 * maxRunning
    while (this.#count < slots) {
      const member = this.#waiting.shift()
      if (member === undefined) return
      this.#count++
      this.#taken(member)
    }
  }

  reset(): void {
    this.#waiting = []
    this.#count = 0
  }
}
