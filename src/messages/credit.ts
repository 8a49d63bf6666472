/**
 * Credit of one stream: how many bytes the worker may have on their way to a client. Pure counting, both ends.
 *
 * The window is what `open` grants; the front end gives back what the client has taken, in lumps of half a window,
 * so that a stream of small chunks costs one `credit` row for many of them.
 */

/** Front end: what the client took and the worker has not been told of. */
export class CreditGrants {
  readonly #lumpBytes: number
  #takenBytes = 0

  constructor(windowBytes: number) {
    this.#lumpBytes = Math.max(1, windowBytes >> 1)
  }

  /** The client took so many bytes more; returns the bytes to grant now, mostly 0. */
  take(bytes: number): number {
    this.#takenBytes += bytes
    if (this.#takenBytes < this.#lumpBytes) return 0
    const grant = this.#takenBytes
    this.#takenBytes = 0
    return grant
  }
}

/** Worker: what may still be sent. One chunk may overdraw it: chunks are not cut. */
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
