/**
 * The connections that a router thread may have open at once, over all its engines. Who finds none free waits for one
 * that another pool closes; a pool that has idle ones gives up the one that is idle longest.
 */

/** The connections to one engine, as the budget sees them. */
export interface SocketPool {
  /** Closes the connection that is idle longest; `false`: none is idle. */
  dropOldestIdle(): boolean
  /** Connections may be opened now, if they are still wanted. */
  onRoom(): void
}

export class SocketBudget {
  readonly #limit: number
  readonly #pools = new Set<SocketPool>()
  readonly #waiting = new Set<SocketPool>()
  #open = 0

  /** `limit`: 1 or more, `Infinity` for no bound. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get open(): number {
    return this.#open
  }

  /** Whether some pool waits for a connection: then none should stay idle. */
  get isShort(): boolean {
    return this.#waiting.size > 0
  }

  join(pool: SocketPool): void {
    this.#pools.add(pool)
  }

  part(pool: SocketPool): void {
    this.#pools.delete(pool)
    this.#waiting.delete(pool)
  }

  /** `false`: no connection may be opened now; `onRoom` tells when. True: `giveBack` is owed. */
  tryTake(pool: SocketPool): boolean {
    if (this.#open >= this.#limit && !this.#makeRoom()) {
      this.#waiting.add(pool)
      return false
    }
    this.#open++
    return true
  }

  giveBack(): void {
    this.#open--
    for (const next of this.#waiting) {
      if (this.#open >= this.#limit) return
      this.#waiting.delete(next)
      next.onRoom()
    }
  }

  /** Looks through the pools only when all connections are taken. */
  #makeRoom(): boolean {
    for (const pool of this.#pools) if (pool.dropOldestIdle()) return this.#open < this.#limit
    return false
  }
}
