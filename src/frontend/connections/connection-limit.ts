/**
 * Bounds the number of open connections by closing those that wait for their client.
 *
 * A new connection may have a request in its buffers that has not been read yet. Therefore what is closed are connections
 * that have been open for a whole turn of the event loop: until then the limit may be exceeded, by a bounded number.
 */
import type { NowMs } from '../../core/clock.ts'

export interface ConnectionLimitOptions {
  /** `Infinity` for no limit. */
  readonly max: number
  /** By how many connections the limit may be exceeded for the length of a turn. */
  readonly excess: number
  /** Closes one connection that has waited since this time or longer, and says whether there is one, or may be one later. */
  readonly closeOne: (sinceMs: number) => 'closed' | 'too-young' | 'none'
  /** The limit has been reached. Not called again while the number of connections stays above half of it. */
  readonly onFull: (limit: number) => void
  readonly nowMs: NowMs
}

export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions
  #open = 0
  #isFull = false
  #isTrimming = false

  constructor(options: ConnectionLimitOptions) {
    this.#options = options
  }

  get open(): number {
    return this.#open
  }

  /** Counts a new connection. Returns `false` if it must be closed. */
  add(): boolean {
    const { max, excess, closeOne, onFull } = this.#options
    this.#open++
    if (this.#open <= max) return true
    if (!this.#isFull) onFull(max)
    this.#isFull = true
    if (this.#open > max + excess) return closeOne(Infinity) === 'closed'
    this.#trimLater()
    return true
  }

  remove(): void {
    this.#open--
    if (this.#open < this.#options.max / 2) this.#isFull = false
  }

  #trimLater(): void {
    if (this.#isTrimming) return
    this.#isTrimming = true
    setImmediate(() => {
      const sinceMs = this.#options.nowMs()
      // In between, what has arrived on the connections that were open by then is read.
      setImmediate(() => this.#trim(sinceMs))
    })
  }

  #trim(sinceMs: number): void {
    this.#isTrimming = false
    while (this.#open > this.#options.max) {
      const result = this.#options.closeOne(sinceMs)
      if (result === 'none') return
      if (result === 'too-young') return this.#trimLater()
    }
  }
}
