/**
 * Heads of chunked requests whose first chunk has not come yet.
 *
 * uWebSockets.js says on which connection a chunk arrives, but not on which a head did. Therefore of all such heads of one
 * address only one is read from at a time, the current one, and a first chunk from that address belongs to it. A new head
 * becomes the current one, because its chunk may follow in the same read. The others are paused, and take turns: in its
 * turn a head gets the chunk that has arrived in the meantime, if one has.
 */
import type { UwsResponse } from '../uws/uws.ts'

export interface ChunkedHead {
  readonly res: UwsResponse
  /** When the head was received. */
  readonly sinceMs: number
}

interface Line<Head> {
  current: Head
  /** Paused, in the order of their turns. */
  readonly paused: Head[]
}

/** Heads of one address at most. Each turn of the others delays a first chunk, and all are looked at when a connection closes. */
const MAX_PER_ADDRESS = 256
const TURN_MS = 1

export class ChunkedHeads<Head extends ChunkedHead> {
  readonly #lines = new Map<string, Line<Head>>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** Returns the oldest head of the address, which must be closed, if there are too many now. It is forgotten. */
  add(address: string, head: Head): Head | undefined {
    const line = this.#lines.get(address)
    if (line === undefined) {
      this.#lines.set(address, { current: head, paused: [] })
      return undefined
    }
    this.#pauseCurrent(line)
    line.current = head
    this.#timer ??= setTimeout(() => this.#takeTurns(), TURN_MS)
    return line.paused.length < MAX_PER_ADDRESS ? undefined : removeOldest(line.paused)
  }

  /** Removes and returns the head to which a first chunk from this address belongs. */
  take(address: string): Head | undefined {
    const line = this.#lines.get(address)
    if (line === undefined) return undefined
    const { current } = line
    this.#next(address, line)
    return current
  }

  /**
   * Must be called while the end of a connection of this address is being reported: afterwards the response object of a
   * head that arrived on it is invalid, and using it ends the process. Which one that is shows in that it has no peer any
   * more. Neither have those whose client has reset the connection, which uWebSockets.js may not have noticed yet: they
   * are closed, too.
   *
   * `isReused`: whether another thread has got the descriptor of the closed connection already, and a peer with it. Then it
   * is not known which head has none, and all are closed. It is asked last, so that it holds for what was found before.
   */
  onConnectionClosed(address: string, isReused: () => boolean): void {
    const line = this.#lines.get(address)
    if (line === undefined) return
    const heads = [line.current, ...line.paused]
    const withoutPeer = heads.filter(hasNoPeer)
    const gone = isReused() ? heads : withoutPeer
    if (gone.length === 0) return
    this.#remove(address, line, gone)
    for (const { res } of gone) res.close()
  }

  /** Returns the heads that were received at this time or earlier, which must be closed. They are forgotten. */
  takeOverdue(sinceMs: number): Head[] {
    return [...this.#lines].flatMap(([address, line]) => {
      const overdue = [line.current, ...line.paused].filter(head => head.sinceMs <= sinceMs)
      this.#remove(address, line, overdue)
      return overdue
    })
  }

  /** The heads take no more turns. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #next(address: string, line: Line<Head>): void {
    const next = line.paused.shift()
    if (next === undefined) return void this.#lines.delete(address)
    line.current = next
    next.res.resume()
  }

  #remove(address: string, line: Line<Head>, heads: readonly Head[]): void {
    const kept = line.paused.filter(head => !heads.includes(head))
    line.paused.splice(0, Infinity, ...kept)
    if (heads.includes(line.current)) this.#next(address, line)
  }

  #pauseCurrent({ current, paused }: Line<Head>): void {
    current.res.pause()
    paused.push(current)
  }

  #takeTurns(): void {
    this.#timer = undefined
    // The immediate below may be due already when `close` is called.
    if (this.#isClosed) return
    let areWaiting = false
    for (const [address, line] of this.#lines) {
      if (line.paused.length === 0) continue
      areWaiting = true
      this.#pauseCurrent(line)
      this.#next(address, line)
    }
    if (!areWaiting) return
    // In an immediate, because sockets are read between two of them, but not always between two timers.
    this.#timer = setTimeout(() => setImmediate(() => this.#takeTurns()), TURN_MS)
  }
}

function hasNoPeer({ res }: ChunkedHead): boolean {
  return res.getRemoteAddressAsText().byteLength === 0
}

function removeOldest<Head extends ChunkedHead>(heads: Head[]): Head | undefined {
  let oldest = 0
  for (const [index, { sinceMs }] of heads.entries()) {
    if (sinceMs < (heads[oldest]?.sinceMs ?? 0)) oldest = index
  }
  return heads.splice(oldest, 1)[0]
}
