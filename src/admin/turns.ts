/**
 * Spreads work over the turns of the event loop: one piece per turn, in the order of the calls. Between two pieces the
 * thread gets to its timers and sockets.
 */
export class Turns {
  #waiting: (() => void)[] = []
  #isScheduled = false

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#waiting.shift()?.()
      this.#schedule()
    })
  }
}
