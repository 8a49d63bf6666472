/**
 * The connections of one router thread to one engine: as many as are needed, while the thread's
 * budget lasts; the rest wait in order.
 *
 * A free connection is taken last in, first out. That keeps the ones in use warm, lets the others idle out, and costs
 * the same with ten connections as with thousands, where a pool that looks for a free client pays for each.
 */
import { AgeList } from '../../src/core/age-list.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { SocketBudget, SocketPool } from './socket-budget.ts'
import type { RequestHandle, ResponseHandler, UpstreamRequestOptions } from './types.ts'
import { type RequestOwner, UpstreamRequest } from './upstream-request.ts'

export interface EnginePoolOptions extends ConnectionOptions {
  readonly budget: SocketBudget
}

export class EnginePool implements RequestOwner, SocketPool {
  /** One for all connections: each URL takes a third of a KiB. */
  readonly #origin: URL
  readonly #options: EnginePoolOptions
  readonly #all = new Set<Connection>()
  readonly #idle = new AgeList<Connection>()
  readonly #waiting = new Set<UpstreamRequest>()

  constructor(origin: string, options: EnginePoolOptions) {
    this.#origin = new URL(origin)
    this.#options = options
    options.budget.join(this)
  }

  /** No connection is open, none is asked for. */
  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0
  }

  /** The handler may hear of a failure before this returns. */
  send(request: UpstreamRequestOptions, handler: ResponseHandler): RequestHandle {
    const leg = new UpstreamRequest(request, handler, this)
    const connection = request.freshConnection ? this.#open() : (this.#idle.takeNewest() ?? this.#open())
    if (connection === undefined) this.#waiting.add(leg)
    else leg.runOn(connection)
    return leg
  }

  giveBack(connection: Connection): void {
    const [next] = this.#waiting
    if (next === undefined && this.#options.budget.isShort) this.discard(connection)
    else if (next === undefined) this.#idle.push(connection)
    // What asks for a fresh connection takes the place, not the connection.
    else if (next.request.freshConnection) this.discard(connection)
    else this.#start(next, connection)
  }

  discard(connection: Connection): void {
    connection.destroy()
    if (!this.#all.delete(connection)) return
    this.#options.budget.giveBack()
    this.onRoom()
  }

  dropOldestIdle(): boolean {
    const oldest = this.#idle.takeOldest()
    if (oldest !== undefined) this.discard(oldest)
    return oldest !== undefined
  }

  onRoom(): void {
    for (const leg of this.#waiting) {
      const connection = this.#open()
      if (connection === undefined) return
      this.#start(leg, connection)
    }
  }

  forget(leg: UpstreamRequest): void {
    this.#waiting.delete(leg)
  }

  destroy(): void {
    this.#waiting.clear()
    for (const connection of this.#all) this.discard(connection)
    this.#options.budget.part(this)
  }

  #start(leg: UpstreamRequest, connection: Connection): void {
    this.#waiting.delete(leg)
    leg.runOn(connection)
  }

  /** An idle connection that is closed goes: the list holds open ones only. */
  readonly #onClosed = (connection: Connection): void => {
    if (this.#idle.remove(connection)) this.discard(connection)
  }

  /** `undefined` when the budget is spent and nothing is idle anywhere; `onRoom` comes when there is some. */
  #open(): Connection | undefined {
    if (!this.#options.budget.tryTake(this)) return undefined
    const connection = new Connection(this.#origin, this.#options, this.#onClosed)
    this.#all.add(connection)
    return connection
  }
}
