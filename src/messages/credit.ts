/**
 * Flow control of one stream by credit: how many bytes a router thread may have on their way to a client. Pure counting
 * for both ends.
 *
 * `open` grants the initial window. The front end grants what the client has read in steps of half a window, so that a
 * stream of small chunks needs only one `credit` row for many of them.
 */

/** Front end: counts the bytes that the client has read and that have not been granted again. */
export class CreditGrants {
  readonly #stepBytes: number
  #readBytes = 0

  constructor(windowBytes: number) {
    this.#stepBytes = Math.max(1, windowBytes >> 1)
  }

  /** The client has read `bytes` more. Returns the bytes to grant now: usually 0. */
  take(bytes: number): number {
    this.#readBytes += bytes
    if (this.#readBytes < this.#stepBytes) return 0
    const grant = this.#readBytes
    this.#readBytes = 0
    return grant
  }
}

/** Router thread: the bytes that may still be sent. One chunk may overdraw the balance, because chunks are not split. */
export class CreditBalance {
  #leftBytes: number

  constructor(windowBytes: number) {
    this.#leftBytes = windowBytes
  }

  get leftBytes(): number {
    return this.#leftBytes
  }

  get isSpent(): boolean {
    return this.#leftBytes <= 0
  }

  spend(bytes: number): void {
    this.#leftBytes -= bytes
  }

  grant(bytes: number): void {
    this.#leftBytes += bytes
  }
}
