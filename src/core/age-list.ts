/**
 * Entries by age. A linked list through the entries themselves, so that the newest, the oldest and any one between them
 * come out at the same small cost, however many there are, and nothing is allocated on the way.
 */

/** What an entry carries for the list that it is in. Written by the list alone. */
export interface AgeNode<T> {
  older: T | undefined
  newer: T | undefined
  isListed: boolean
}

/** Of an entry that is in no list yet. */
export function newNode<T>(): AgeNode<T> {
  return { older: undefined, newer: undefined, isListed: false }
}

export class AgeList<T extends { readonly node: AgeNode<T> }> {
  #oldest: T | undefined
  #newest: T | undefined

  get oldest(): T | undefined {
    return this.#oldest
  }

  /** Must not be in a list. */
  push(entry: T): void {
    const { node } = entry
    node.isListed = true
    node.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.node.newer = entry
    this.#newest = entry
  }

  takeNewest(): T | undefined {
    return this.#take(this.#newest)
  }

  takeOldest(): T | undefined {
    return this.#take(this.#oldest)
  }

  /** `false`: it was not in the list. */
  remove({ node }: T): boolean {
    if (!node.isListed) return false
    if (node.older === undefined) this.#oldest = node.newer
    else node.older.node.newer = node.newer
    if (node.newer === undefined) this.#newest = node.older
    else node.newer.node.older = node.older
    node.isListed = false
    node.older = undefined
    node.newer = undefined
    return true
  }

  #take(entry: T | undefined): T | undefined {
    if (entry !== undefined) this.remove(entry)
    return entry
  }
}
