/**
 * A list of entries ordered by age. The links are stored in the entries themselves, so that any entry can be removed in
 * constant time and without allocation.
 */

/** Links of an entry. Written only by the list that contains it. */
export interface AgeNode<T> {
  older: T | undefined
  newer: T | undefined
  isListed: boolean
}

/** Links for an entry that is not in a list. */
export function newNode<T>(): AgeNode<T> {
  return { older: undefined, newer: undefined, isListed: false }
}

export class AgeList<T extends { readonly node: AgeNode<T> }> {
  #oldest: T | undefined
  #newest: T | undefined

  get oldest(): T | undefined {
    return this.#oldest
  }

  /** Adds an entry, which must not be in a list. */
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

  /** Returns `false` if the entry was not in the list. */
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
