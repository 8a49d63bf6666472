/**
 * The connections of one router thread to one engine. Opens as many as needed within the thread's socket budget; further
 * requests wait in order of arrival.
 *
 * Free connections are reused last in, first out. This keeps the busy ones warm, lets the others reach their idle
 * timeout, and costs the same for ten connections as for thousands; a pool that searches for a free client does not.
 */
import { AgeList } from '../../src/core/age-list.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { SocketBudget, SocketPool } from './socket-budget.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from './types.ts'
import { type RequestOwner, UpstreamRequest } from './upstream-request.ts'

export interface EnginePoolOptions extends ConnectionOptions {
  readonly budget: SocketBudget
  /** Age from which a connection carries no further request. */
  readonly maxAgeMs: number
}

export class EnginePool implements RequestOwner, SocketPool {
  /** Shared by all connections: a URL object takes a third of a KiB. */
  readonly #origin: URL
  readonly #options: EnginePoolOptions
  readonly #all = new Set<Connection>()
  readonly #idle = new AgeList<Connection>()
  readonly #waiting = new Set<UpstreamRequest>()
  /** Addresses that the engine's name has now. Empty for any. */
  #addresses: readonly string[] = []

  constructor(origin: string, options: EnginePoolOptions) {
    this.#origin = new URL(origin)
    const { protocol } = this.#origin
    // Undici reads it several times for each request, and URL would make a new string of it each time.
    Object.defineProperty(this.#origin, 'protocol', { value: protocol })
    this.#options = options
    options.budget.register(this)
  }

  /** Whether no connection is open and no request waits for one. */
  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0
  }

  /** `handler.onError` may be called before this returns. */
  send(options: UpstreamRequestOptions, handler: ResponseHandler): RequestHandle {
    const request = new UpstreamRequest(options, handler, this)
    const connection = options.freshConnection ? this.#open() : (this.#idle.takeNewest() ?? this.#open())
    if (connection === undefined) this.#waiting.add(request)
    else request.sendOn(connection)
    return request
  }

  /** Connections to other addresses carry no further request, and idle ones are closed. Empty allows any address. */
  keepOnly(addresses: readonly string[]): void {
    this.#addresses = addresses
    for (const connection of this.#all)
      if (this.#isOutdated(connection) && this.#idle.remove(connection)) this.discard(connection)
  }

  release(connection: Connection): void {
    if (this.#isOutdated(connection)) return this.discard(connection)
    const [next] = this.#waiting
    if (next === undefined && this.#options.budget.isExhausted) this.discard(connection)
    else if (next === undefined) this.#idle.push(connection)
    // A request that requires a fresh connection takes the budget of this one, not the connection itself.
    else if (next.options.freshConnection) this.discard(connection)
    else this.#start(next, connection)
  }

  discard(connection: Connection): void {
    connection.destroy()
    if (!this.#all.delete(connection)) return
    this.#options.budget.release()
    this.onSocketAvailable()
  }

  closeOldestIdle(): boolean {
    const oldest = this.#idle.takeOldest()
    if (oldest !== undefined) this.discard(oldest)
    return oldest !== undefined
  }

  onSocketAvailable(): void {
    for (const request of this.#waiting) {
      const connection = this.#open()
      if (connection === undefined) return
      this.#start(request, connection)
    }
  }

  stopWaiting(request: UpstreamRequest): void {
    this.#waiting.delete(request)
  }

  destroy(): void {
    this.#waiting.clear()
    for (const connection of this.#all) this.discard(connection)
    this.#options.budget.unregister(this)
  }

  #isOutdated({ openedMs, remoteAddress }: Connection): boolean {
    if (performance.now() - openedMs > this.#options.maxAgeMs) return true
    return (
      this.#addresses.length > 0 && remoteAddress !== undefined && !this.#addresses.includes(remoteAddress)
    )
  }

  #start(request: UpstreamRequest, connection: Connection): void {
    this.#waiting.delete(request)
    request.sendOn(connection)
  }

  /** Removes an idle connection that was closed, so that the idle list holds open connections only. */
  readonly #onClosed = (connection: Connection): void => {
    if (this.#idle.remove(connection)) this.discard(connection)
  }

  /** `undefined` if the budget is spent and no pool has an idle connection; `onSocketAvailable` is called later. */
  #open(): Connection | undefined {
    if (!this.#options.budget.tryTake(this)) return undefined
    const connection = new Connection(this.#origin, this.#options, this.#onClosed)
    this.#all.add(connection)
    return connection
  }
}
