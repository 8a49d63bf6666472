/**
 * Ids of open exchanges, and the table of what belongs to them on either side.
 *
 *   bits 31..20  times that the place was used before, modulo 4096   bits 19..0  place in the tables
 *
 * Places are used again at once, so the tables are as long as the most that were ever open together. Hot path: no hash,
 * and above all no JavaScript Map. V8 renews a Map's store as entries come and go and links each old store to the next;
 * one that has grown old so keeps all younger ones, with every exchange in them, until a full collection. That was a
 * quarter of what a router thread allocates.
 */

const INDEX_BITS = 20
/** Exchanges that can be open at once. */
const MAX_OPEN = 2 ** INDEX_BITS
const INDEX_MASK = MAX_OPEN - 1
const USES = 2 ** (32 - INDEX_BITS)

/** Gives out ids, unsigned 32 bits: none twice among those that are out, and none again soon after. */
export class ExchangeIds {
  /** Uses of each place so far. */
  readonly #uses: number[] = []
  readonly #free: number[] = []

  /** @throws RangeError when `MOST_OPEN` are out. */
  take(): number {
    const index = this.#free.pop() ?? this.#uses.push(0) - 1
    if (index >= MAX_OPEN) throw new RangeError(`more than ${MAX_OPEN} exchanges are open`)
    const uses = this.#uses[index] ?? 0
    this.#uses[index] = (uses + 1) % USES
    return ((uses << INDEX_BITS) | index) >>> 0
  }

  /** To be called once for each id that was taken. */
  giveBack(id: number): void {
    this.#free.push(id & INDEX_MASK)
  }
}

/** Items by the ids of one `ExchangeIds`. */
export class ExchangeTable<Item> {
  /** By place. An id is kept beside its item: a row may come late, when another exchange has the place. */
  readonly #ids: number[] = []
  readonly #items: (Item | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The place must be free. */
  add(id: number, item: Item): void {
    const index = id & INDEX_MASK
    // Filled one by one: an array with holes is a hash table to V8.
    while (this.#items.length <= index) {
      this.#ids.push(0)
      this.#items.push(undefined)
    }
    this.#ids[index] = id
    this.#items[index] = item
    this.#size++
  }

  /** `undefined` for one that is over: its last rows may have crossed with the abort. */
  find(id: number): Item | undefined {
    const index = id & INDEX_MASK
    return this.#ids[index] === id ? this.#items[index] : undefined
  }

  /** Does nothing when it is gone already. */
  delete(id: number): void {
    if (this.find(id) === undefined) return
    this.#items[id & INDEX_MASK] = undefined
    this.#size--
  }

  all(): Item[] {
    return this.#items.filter(item => item !== undefined)
  }
}
