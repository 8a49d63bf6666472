/**
 * Entries by age. A linked list through the entries themselves, so that the newest, the oldest and any one between them
 * come out at the same small cost, however many there are, and nothing is allocated on the way.
 */

/** What an entry carries for the list that it is in. Written by the list alone. */
export interface AgePlace<T> {
  older: T | undefined
  newer: T | undefined
  isListed: boolean
}

/** Of an entry that is in no list yet. */
export function newPlace<T>(): AgePlace<T> {
  return { older: undefined, newer: undefined, isListed: false }
}

export class AgeList<T extends { readonly place: AgePlace<T> }> {
  #oldest: T | undefined
  #newest: T | undefined

  get oldest(): T | undefined {
    return this.#oldest
  }

  /** Must not be in a list. */
  push(entry: T): void {
    const { place } = entry
    place.isListed = true
    place.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.place.newer = entry
    this.#newest = entry
  }

  takeNewest(): T | undefined {
    return this.#take(this.#newest)
  }

  takeOldest(): T | undefined {
    return this.#take(this.#oldest)
  }

  /** `false`: it was not in the list. */
  remove({ place }: T): boolean {
    if (!place.isListed) return false
    if (place.older === undefined) this.#oldest = place.newer
    else place.older.place.newer = place.newer
    if (place.newer === undefined) this.#newest = place.older
    else place.newer.place.older = place.older
    place.isListed = false
    place.older = undefined
    place.newer = undefined
    return true
  }

  #take(entry: T | undefined): T | undefined {
    if (entry !== undefined) this.remove(entry)
    return entry
  }
}
