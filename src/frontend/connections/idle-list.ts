/**
 * Idle connections in the order in which they became idle. Hot path: the links are in the items, so that nothing is
 * allocated when a connection goes in or out with every request.
 */

/** An item of at most one list. The fields belong to the list. */
export interface IdleItem<Item> {
  older: Item | undefined
  newer: Item | undefined
  /** When the item was added, on the clock of the caller; `undefined` while it is in no list. */
  idleSinceMs: number | undefined
}

export class IdleList<Item extends IdleItem<Item>> {
  #oldest: Item | undefined
  #newest: Item | undefined

  /** The item that has been idle for longest. */
  get oldest(): Item | undefined {
    return this.#oldest
  }

  /** Adds an item that is in no list; times must not decrease. */
  add(item: Item, nowMs: number): void {
    item.idleSinceMs = nowMs
    item.older = this.#newest
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.newer = item
    this.#newest = item
  }

  /** Has no effect on an item that is in no list. */
  remove(item: Item): void {
    if (item.idleSinceMs === undefined) return
    const { older, newer } = item
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    item.older = undefined
    item.newer = undefined
    item.idleSinceMs = undefined
  }

  /** All items, oldest first. */
  all(): Item[] {
    const items: Item[] = []
    for (let item = this.#oldest; item !== undefined; item = item.newer) items.push(item)
    return items
  }
}
