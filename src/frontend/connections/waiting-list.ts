/**
 * Connections that wait for the same thing, in the order in which they began to wait. Hot path: the links are in the items,
 * so that nothing is allocated when a connection goes in or out with every request.
 */

/** An item of at most one list. The fields belong to the list. */
export interface WaitingItem<Item> {
  older: Item | undefined
  newer: Item | undefined
  /** When the item was added, on the clock of the caller; `undefined` while it is in no list. */
  waitingSinceMs: number | undefined
}

export class WaitingList<Item extends WaitingItem<Item>> {
  #oldest: Item | undefined
  #newest: Item | undefined
  #size = 0

  /** The item that has waited for longest. */
  get oldest(): Item | undefined {
    return this.#oldest
  }

  get size(): number {
    return this.#size
  }

  /** Adds an item that is in no list; times must not decrease. */
  add(item: Item, nowMs: number): void {
    item.waitingSinceMs = nowMs
    item.older = this.#newest
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.newer = item
    this.#newest = item
    this.#size++
  }

  /** The item must be in this list. */
  remove(item: Item): void {
    const { older, newer } = item
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    item.older = undefined
    item.newer = undefined
    item.waitingSinceMs = undefined
    this.#size--
  }
}
