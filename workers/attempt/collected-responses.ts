/**
 * Bounds the bytes of engines' responses that a router thread holds: those that are sent to clients as a whole, and the
 * beginnings of streams. Beyond the limit the exchange that holds most is given up, so that small ones never are.
 */

export interface CollectedResponsesOptions {
  readonly limitBytes: number
  /** Ends the exchange; `end` follows. */
  readonly giveUp: (exchangeId: number) => void
}

/** What an attempt may hold without being counted: most do not hold more. */
const FREE_BYTES = 16_384

export class CollectedResponses {
  readonly #options: CollectedResponsesOptions
  readonly #counted = new Map<number, number>()
  #heldBytes = 0

  constructor(options: CollectedResponsesOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** An attempt of the exchange now holds `attemptBytes`, `moreBytes` of them newly. Hot path: called for each read. */
  hold(exchangeId: number, attemptBytes: number, moreBytes: number): void {
    if (attemptBytes > FREE_BYTES) this.#add(exchangeId, Math.min(moreBytes, attemptBytes - FREE_BYTES))
  }

  /** The response of a part is complete and kept for the others, of which there may be very many: all of it counts. */
  keep(exchangeId: number, responseBytes: number): void {
    this.#add(exchangeId, Math.min(responseBytes, FREE_BYTES))
  }

  /** An attempt has failed that held `attemptBytes`. */
  release(exchangeId: number, attemptBytes: number): void {
    if (attemptBytes > FREE_BYTES && this.#counted.has(exchangeId))
      this.#set(exchangeId, (this.#counted.get(exchangeId) ?? 0) - attemptBytes + FREE_BYTES)
  }

  /** The exchange is over, and holds nothing any more. */
  end(exchangeId: number): void {
    this.#set(exchangeId, 0)
  }

  #add(exchangeId: number, bytes: number): void {
    this.#set(exchangeId, (this.#counted.get(exchangeId) ?? 0) + bytes)
    while (this.#heldBytes > this.#options.limitBytes) {
      const largest = this.#largest()
      if (largest === undefined) return
      this.#options.giveUp(largest)
      this.end(largest)
    }
  }

  #set(exchangeId: number, bytes: number): void {
    this.#heldBytes += bytes - (this.#counted.get(exchangeId) ?? 0)
    if (bytes > 0) this.#counted.set(exchangeId, bytes)
    else this.#counted.delete(exchangeId)
  }

  #largest(): number | undefined {
    let largest: number | undefined
    let maxBytes = 0
    for (const [exchangeId, bytes] of this.#counted) {
      if (bytes <= maxBytes) continue
      largest = exchangeId
      maxBytes = bytes
    }
    return largest
  }
}
