/**
 * Bounds how many engines a request of several parts can end. After engines have been lost under its parts, one part is
 * repeated; the others are held until that one shows that its engine lives. Without it every part would be repeated at
 * once, each on an engine of its own.
 */

export class LossGate<Part> {
  readonly #holdMs: number
  #first: Part | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #held = new Map<Part, () => void>()

  /**
   * `holdMs`: how long the others wait at most after a part was let through. What ends an engine does so while it reads
   * the prompt.
   */
  constructor(holdMs: number) {
    this.#holdMs = holdMs
  }

  /**
   * Whether the part may be repeated now. If not, `resume` is called once the part that was let through has settled or
   * has run for a while, unless it leaves before.
   */
  admit(part: Part, resume: () => void): boolean {
    this.#first ??= part
    if (this.#first !== part) {
      this.#held.set(part, resume)
      return false
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.settle(part), this.#holdMs)
    return true
  }

  /** If the part is the one that was let through, the others wait until it is let through again or has settled. */
  suspend(part: Part): void {
    if (this.#first === part) clearTimeout(this.#timer)
  }

  isHolding(part: Part): boolean {
    return this.#held.has(part)
  }

  leave(part: Part): void {
    this.#held.delete(part)
  }

  /** The part has a response, or has failed. The next loss makes the others wait again. */
  settle(part: Part): void {
    if (this.#first !== part) return
    clearTimeout(this.#timer)
    this.#first = undefined
    // A part that gives up at once ends the others, which leave meanwhile.
    for (const [held, resume] of this.#held) {
      this.#held.delete(held)
      resume()
    }
  }

  /** Resumes nobody. */
  close(): void {
    clearTimeout(this.#timer)
    this.#first = undefined
    this.#held.clear()
  }
}
