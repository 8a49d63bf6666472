/** All engines' connections of one router thread. */
import type { Config } from '../../src/config/config.ts'
import { EnginePool } from './engine-pool.ts'
import { SocketBudget } from './socket-budget.ts'
import { socketsOf } from './socket-limits.ts'

export class Upstreams {
  readonly #config: Config
  readonly #budget: SocketBudget
  readonly #byUrl = new Map<string, EnginePool>()
  /** Engines that were removed while legs were on them: closed with the thread. */
  readonly #retired = new Set<EnginePool>()

  constructor(config: Config) {
    this.#config = config
    this.#budget = new SocketBudget(socketsOf(config))
  }

  /** Connections that are open or being opened, idle ones included. */
  get openSockets(): number {
    return this.#budget.open
  }

  to(url: string): EnginePool {
    const known = this.#byUrl.get(url)
    if (known !== undefined) return known
    const { timeouts, upstream, limits } = this.#config
    const made = new EnginePool(url, {
      connectMs: timeouts.connectMs,
      keepAliveMs: upstream.keepAliveMs,
      headerBytes: limits.headerBytes,
      budget: this.#budget,
    })
    this.#byUrl.set(url, made)
    return made
  }

  /** Legs that are on a removed engine go on to their end; its idle connections time out. */
  keepOnly(urls: readonly string[]): void {
    const kept = new Set(urls)
    for (const [url, connections] of this.#byUrl) {
      if (kept.has(url)) continue
      this.#byUrl.delete(url)
      this.#retired.add(connections)
    }
    for (const connections of this.#retired) {
      if (!connections.isEmpty) continue
      this.#retired.delete(connections)
      this.#budget.part(connections)
    }
  }

  /** At once, whatever is open. */
  destroy(): void {
    for (const connections of [...this.#byUrl.values(), ...this.#retired]) connections.destroy()
    this.#byUrl.clear()
    this.#retired.clear()
  }
}
