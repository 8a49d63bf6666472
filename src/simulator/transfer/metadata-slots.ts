/**
 * Slots for what prefill and decode tell each other of a request: a prefill engine has so many, and what is ready while
 * none is free waits in order.
 */
import type { Knobs } from '../settings/knobs.ts'

export class MetadataSlots<L> {
  readonly #knobs: Knobs
  readonly #taken: (member: L) => void
  #waiting: L[] = []
  #count = 0

  /** `taken` is told of each leg that gets its slot. */
  constructor(knobs: Knobs, taken: (member: L) => void) {
    this.#knobs = knobs
    this.#taken = taken
  }

  /** The leg gets a slot in its turn; asking again changes nothing. */
  request(member: L): void {
    if (this.#waiting.includes(member)) return
    this.#waiting.push(member)
    this.fill()
  }

  /** One that needs no turn. */
  take(): void {
    this.#count++
  }

  withdraw(member: L): void {
    this.#waiting = this.#waiting.filter(one => one !== member)
  }

  /** The slot is not given to the next one before `fill`. */
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
