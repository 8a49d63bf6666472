/**
 * The connections of one router thread to one engine: as many as are needed, up to a cap; the rest wait in order.
 *
 * A free connection is taken last in, first out. That keeps the ones in use warm, lets the others idle out, and costs
 * the same with ten connections as with thousands, where a pool that looks for a free client pays for each.
 */
import { Connection, type ConnectionOptions } from './connection.ts'
import { IdleList } from './idle-list.ts'
import type { LegHandle, LegHandler, LegRequest } from './leg.ts'
import { Leg, type LegOwner } from './leg-dispatch.ts'

export interface EngineConnectionsOptions extends ConnectionOptions {
  readonly maxSockets: number
}

export class EngineConnections implements LegOwner {
  readonly #origin: string
  readonly #options: EngineConnectionsOptions
  readonly #all = new Set<Connection>()
  readonly #idle = new IdleList<Connection>()
  readonly #waiting = new Set<Leg>()

  constructor(origin: string, options: EngineConnectionsOptions) {
    this.#origin = origin
    this.#options = options
  }

  /** No connection is open, none is asked for. */
  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0
  }

  /** The handler may hear of a failure before this returns. */
  send(request: LegRequest, handler: LegHandler): LegHandle {
    const leg = new Leg(request, handler, this)
    const connection = request.isFresh ? this.#fresh() : (this.#idle.takeNewest() ?? this.#open())
    if (connection === undefined) this.#waiting.add(leg)
    else leg.runOn(connection)
    return leg
  }

  giveBack(connection: Connection): void {
    const next = this.#waiting.values().next().value
    if (next === undefined) this.#idle.push(connection)
    // What asks for a fresh connection takes the place, not the connection.
    else if (next.request.isFresh) this.discard(connection)
    else this.#start(next, connection)
  }

  discard(connection: Connection): void {
    connection.destroy()
    if (!this.#all.delete(connection)) return
    const next = this.#waiting.values().next().value
    const replacement = next && this.#open()
    if (next && replacement) this.#start(next, replacement)
  }

  forget(leg: Leg): void {
    this.#waiting.delete(leg)
  }

  destroy(): void {
    for (const connection of this.#all) connection.destroy()
    this.#all.clear()
    this.#waiting.clear()
  }

  #start(leg: Leg, connection: Connection): void {
    this.#waiting.delete(leg)
    leg.runOn(connection)
  }

  /** An idle connection that is closed goes: the list holds open ones only. */
  readonly #onClosed = (connection: Connection): void => {
    if (this.#idle.remove(connection)) this.discard(connection)
  }

  /** `undefined` when the cap is reached. */
  #open(): Connection | undefined {
    if (this.#all.size >= this.#options.maxSockets) return undefined
    const connection = new Connection(this.#origin, this.#options, this.#onClosed)
    this.#all.add(connection)
    return connection
  }

  /** A connection of its own; at the cap the longest idle one makes room. */
  #fresh(): Connection | undefined {
    if (this.#all.size < this.#options.maxSockets) return this.#open()
    const oldest = this.#idle.takeOldest()
    if (oldest === undefined) return undefined
    this.#all.delete(oldest)
    oldest.destroy()
    return this.#open()
  }
}
