/**
 * The number of connections that a router thread may have open at once, over all its engines. If none is available, a
 * pool with an idle connection closes the one that has been idle longest; otherwise the request waits until any pool
 * closes a connection.
 */

/** The connections to one engine, as far as the budget is concerned. */
export interface SocketPool {
  /** Closes the connection that has been idle longest. Returns `false` if none is idle. */
  closeOldestIdle(): boolean
  /** Connections can be opened now, if they are still needed. */
  onSocketAvailable(): void
}

export class SocketBudget {
  readonly #limit: number
  readonly #pools = new Set<SocketPool>()
  readonly #waiting = new Set<SocketPool>()
  #open = 0

  /** `limit` is at least 1; `Infinity` means no limit. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get open(): number {
    return this.#open
  }

  /** Whether a pool waits for a connection. Connections should not become idle then. */
  get isExhausted(): boolean {
    return this.#waiting.size > 0
  }

  register(pool: SocketPool): void {
    this.#pools.add(pool)
  }

  unregister(pool: SocketPool): void {
    this.#pools.delete(pool)
    this.#waiting.delete(pool)
  }

  /**
   * Whether `pool` may open a connection, for which it must call `release` later. If not, `onSocketAvailable` is called
   * once connections are available.
   */
  tryTake(pool: SocketPool): boolean {
    if (this.#open >= this.#limit && !this.#closeIdle()) {
      this.#waiting.add(pool)
      return false
    }
    this.#open++
    return true
  }

  release(): void {
    this.#open--
    for (const next of this.#waiting) {
      if (this.#open >= this.#limit) return
      this.#waiting.delete(next)
      next.onSocketAvailable()
    }
  }

  /** Scans the pools, so it is called only when all connections are taken. */
  #closeIdle(): boolean {
    for (const pool of this.#pools) if (pool.closeOldestIdle()) return this.#open < this.#limit
    return false
  }
}
