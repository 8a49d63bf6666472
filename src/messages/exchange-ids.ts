/**
 * Ids of open exchanges, and a table of items by id. Both ends of the channel have such a table.
 *
 *   bits 31..20  how often the index was used before, modulo 4096   bits 19..0  index into the tables
 *
 * An index is reused as soon as it is free, so a table is as long as the largest number of exchanges open at once.
 *
 * Hot path: no hashing, and no JavaScript Map. V8 replaces a Map's store as entries come and go and links the old store
 * to its successor. An old store that has been promoted to the old generation keeps all younger ones alive, with every
 * exchange in them, until a full collection; that was a quarter of a router thread's allocations.
 */

const INDEX_BITS = 20
/** Maximum number of exchanges that can be open at once. */
const MAX_OPEN = 2 ** INDEX_BITS
const INDEX_MASK = MAX_OPEN - 1
const USES = 2 ** (32 - INDEX_BITS)

/** Allocates unsigned 32-bit ids. An id is unique among those in use and does not return soon after its release. */
export class ExchangeIds {
  /** By index: how often it was used, modulo 4096. */
  readonly #uses: number[] = []
  readonly #free: number[] = []

  /** @throws RangeError if 2^20 ids are in use */
  take(): number {
    const index = this.#free.pop() ?? this.#uses.push(0) - 1
    if (index >= MAX_OPEN) throw new RangeError(`no exchange id is free: ${MAX_OPEN} exchanges are open`)
    const uses = this.#uses[index] ?? 0
    this.#uses[index] = (uses + 1) % USES
    return ((uses << INDEX_BITS) | index) >>> 0
  }

  /** Must be called exactly once for each id taken. */
  giveBack(id: number): void {
    this.#free.push(id & INDEX_MASK)
  }
}

/** Items by their id. All ids must come from one `ExchangeIds`. */
export class ExchangeTable<Item> {
  /** By index. A row may arrive after its index was given to another exchange; the full id detects that. */
  readonly #ids: number[] = []
  readonly #items: (Item | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** No item may have the same index. */
  add(id: number, item: Item): void {
    const index = id & INDEX_MASK
    // Filled one by one: V8 turns an array with holes into a hash table.
    while (this.#items.length <= index) {
      this.#ids.push(0)
      this.#items.push(undefined)
    }
    this.#ids[index] = id
    this.#items[index] = item
    this.#size++
  }

  /** `undefined` if the exchange has ended: its last rows may have crossed with the abort. */
  find(id: number): Item | undefined {
    const index = id & INDEX_MASK
    return this.#ids[index] === id ? this.#items[index] : undefined
  }

  /** Does nothing if the id has no item. */
  delete(id: number): void {
    if (this.find(id) === undefined) return
    this.#items[id & INDEX_MASK] = undefined
    this.#size--
  }

  all(): Item[] {
    return this.#items.filter(item => item !== undefined)
  }
}
