/** The exchanges that router threads work on, by the id that both sides know. */
import type { Exchange } from './exchange.ts'

export class OpenExchanges {
  readonly #byId = new Map<number, Exchange>()
  #lastId = 0

  get size(): number {
    return this.#byId.size
  }

  /** An id that none of the open ones has: 32 bits unsigned, wraps around. */
  nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0
    while (this.#byId.has(this.#lastId))
    return this.#lastId
  }

  add(id: number, exchange: Exchange): void {
    this.#byId.set(id, exchange)
  }

  /** `undefined` for one that is over: its last rows may have crossed with the abort. */
  find(id: number): Exchange | undefined {
    return this.#byId.get(id)
  }

  delete(id: number): void {
    this.#byId.delete(id)
  }

  all(): Exchange[] {
    return [...this.#byId.values()]
  }
}
