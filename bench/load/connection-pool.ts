/** Connections of one generator process: kept alive and taken again, or a new one for each request. */
import { LoadConnection } from './connection.ts'
import type { LoadPlan } from './plan.ts'
import { addressOf } from './target-address.ts'

/** Servers close what is idle without a word: what has been idle this long is not taken again. */
const IDLE_LIMIT_MS = 2000

export class ConnectionPool {
  readonly #host: string
  readonly #port: number
  readonly #isKept: boolean
  readonly #sources: readonly string[]
  readonly #idle: LoadConnection[] = []
  #opened = 0

  /** `sources`: own addresses, taken in turn; none leaves it to the kernel. */
  constructor(plan: Pick<LoadPlan, 'url' | 'connection'>, sources: readonly string[]) {
    const { host, port } = addressOf(plan.url)
    this.#host = host
    this.#port = port
    this.#isKept = plan.connection === 'keep-alive'
    this.#sources = sources
  }

  get opened(): number {
    return this.#opened
  }

  /** @returns one for a single request; bring it back when the answer has ended. */
  take(): LoadConnection {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isReusable && performance.now() - idle.idleSinceMs < IDLE_LIMIT_MS) return idle
      idle.destroy()
    }
    const localAddress = this.#sources[this.#opened % this.#sources.length]
    this.#opened++
    return new LoadConnection({ host: this.#host, port: this.#port, localAddress })
  }

  bringBack(connection: LoadConnection): void {
    if (!this.#isKept || !connection.isReusable) return connection.destroy()
    connection.idleSinceMs = performance.now()
    this.#idle.push(connection)
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }
}
