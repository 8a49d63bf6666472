/** How many requests may be open at once. One more is refused; nothing waits here. */
import { GatewayError } from '../core/errors.ts'

/** When a refused client may come again: by then some of the open requests have ended. */
const RETRY_AFTER_MS = 1000

export class Admission {
  readonly #maxOpen: number
  #open = 0

  constructor(maxOpen: number) {
    this.#maxOpen = maxOpen
  }

  get open(): number {
    return this.#open
  }

  /** Returns why not, or `undefined` when the request is in; then `leave` is owed. */
  enter(): GatewayError | undefined {
    if (this.#open >= this.#maxOpen) {
      return new GatewayError('too-many-requests', `more than ${this.#maxOpen} requests are open`, {
        retryAfterMs: RETRY_AFTER_MS,
      })
    }
    this.#open++
    return undefined
  }

  leave(): void {
    this.#open--
  }
}
