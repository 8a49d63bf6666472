/**
 * Idle connections by age. A linked list through the connections themselves, so that the newest, the oldest and one
 * that the engine has just closed all come out at the same small cost, however many there are.
 */

/** What an entry carries for the list. Written by the list alone. */
export interface IdleLinks<T> {
  older: T | undefined
  newer: T | undefined
  isIdle: boolean
}

export class IdleList<T extends { readonly idle: IdleLinks<T> }> {
  #oldest: T | undefined
  #newest: T | undefined

  /** Must not be in the list. */
  push(entry: T): void {
    const { idle } = entry
    idle.isIdle = true
    idle.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.idle.newer = entry
    this.#newest = entry
  }

  takeNewest(): T | undefined {
    return this.#take(this.#newest)
  }

  takeOldest(): T | undefined {
    return this.#take(this.#oldest)
  }

  /** `false`: it was not in the list. */
  remove({ idle }: T): boolean {
    if (!idle.isIdle) return false
    if (idle.older === undefined) this.#oldest = idle.newer
    else idle.older.idle.newer = idle.newer
    if (idle.newer === undefined) this.#newest = idle.older
    else idle.newer.idle.older = idle.older
    idle.isIdle = false
    idle.older = undefined
    idle.newer = undefined
    return true
  }

  #take(entry: T | undefined): T | undefined {
    if (entry !== undefined) this.remove(entry)
    return entry
  }
}
