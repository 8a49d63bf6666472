/** The connection pools of one router thread, one per engine. */
import type { Config } from '../../src/config/config.ts'
import type { Engine } from '../../src/core/engine.ts'
import { EnginePool } from './engine-pool.ts'
import { SocketBudget } from './socket-budget.ts'
import { socketsOf } from './socket-limits.ts'

export class Upstreams {
  readonly #config: Config
  readonly #budget: SocketBudget
  readonly #byUrl = new Map<string, EnginePool>()
  /** By URL: those that the names of the engines have now. */
  #addresses = new Map<string, readonly string[]>()
  /** Pools of removed engines that still had connections. */
  readonly #retired = new Set<EnginePool>()

  constructor(config: Config) {
    this.#config = config
    this.#budget = new SocketBudget(socketsOf(config))
  }

  /** Connections that are open or being opened, idle ones included. */
  get openSockets(): number {
    return this.#budget.open
  }

  /** The pool of the engine at `url`, created on first use. */
  to(url: string): EnginePool {
    const existing = this.#byUrl.get(url)
    if (existing !== undefined) return existing
    const { timeouts, upstream, limits } = this.#config
    const pool = new EnginePool(url, {
      connectMs: timeouts.connectMs,
      keepAliveMs: upstream.keepAliveMs,
      maxAgeMs: upstream.maxConnectionAgeSecs * 1000,
      headerBytes: limits.headerBytes,
      budget: this.#budget,
    })
    pool.keepOnly(this.#addresses.get(url) ?? [])
    this.#byUrl.set(url, pool)
    return pool
  }

  /** Retires the pools of all other engines. Their requests run to the end; their idle connections time out. */
  keepOnly(engines: readonly Pick<Engine, 'url' | 'addresses'>[]): void {
    const kept = new Set(engines.map(({ url }) => url))
    this.#addresses = new Map(engines.map(({ url, addresses }) => [url, addresses]))
    for (const [url, addresses] of this.#addresses) this.#byUrl.get(url)?.keepOnly(addresses)
    for (const [url, pool] of this.#byUrl) {
      if (kept.has(url)) continue
      this.#byUrl.delete(url)
      this.#retired.add(pool)
    }
    for (const pool of this.#retired) {
      if (!pool.isEmpty) continue
      this.#retired.delete(pool)
      this.#budget.unregister(pool)
    }
  }

  /** Closes all connections immediately, whatever they carry. */
  destroy(): void {
    for (const pool of [...this.#byUrl.values(), ...this.#retired]) pool.destroy()
    this.#byUrl.clear()
    this.#retired.clear()
  }
}
