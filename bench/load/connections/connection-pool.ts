/** Connections of one generator process: kept alive and reused, or a new one for each request. */

import type { LoadPlan } from '../plan/plan.ts'
import { LoadConnection } from './connection.ts'
import { addressOf } from './target-address.ts'

/** Servers close idle connections without notice, so a connection idle for longer than this is not reused. */
const IDLE_LIMIT_MS = 2000

export class ConnectionPool {
  readonly #host: string
  readonly #port: number
  readonly #keepAlive: boolean
  readonly #sources: readonly string[]
  readonly #idle: LoadConnection[] = []
  #opened = 0

  /** `sources` are local addresses to connect from, in rotation; empty leaves the choice to the kernel. */
  constructor(plan: Pick<LoadPlan, 'url' | 'connection'>, sources: readonly string[]) {
    const { host, port } = addressOf(plan.url)
    this.#host = host
    this.#port = port
    this.#keepAlive = plan.connection === 'keep-alive'
    this.#sources = sources
  }

  get opened(): number {
    return this.#opened
  }

  /** A connection for one request. Pass it to `release` when the response has ended. */
  take(): LoadConnection {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isReusable && performance.now() - idle.idleSinceMs < IDLE_LIMIT_MS) return idle
      idle.destroy()
    }
    const localAddress = this.#sources[this.#opened % this.#sources.length]
    this.#opened++
    return new LoadConnection({ host: this.#host, port: this.#port, localAddress })
  }

  release(connection: LoadConnection): void {
    if (!this.#keepAlive || !connection.isReusable) return connection.destroy()
    connection.idleSinceMs = performance.now()
    this.#idle.push(connection)
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }
}
