/**
 * Finds what makes no progress: one timer looks at all that is watched, for a timer each would cost more than the rest.
 */
import type { NowMs } from './clock.ts'

export class StallDetector<Item> {
  readonly #limitMs: number
  readonly #onStall: (item: Item) => void
  readonly #nowMs: NowMs
  /** Time of the last progress, oldest first. */
  readonly #sinceMs = new Map<Item, number>()
  #timer: NodeJS.Timeout | undefined

  /** `onStall` is called once for an item that has made no progress for `limitMs`, up to a quarter of it late. */
  constructor(limitMs: number, onStall: (item: Item) => void, nowMs: NowMs) {
    this.#limitMs = limitMs
    this.#onStall = onStall
    this.#nowMs = nowMs
  }

  /** The item makes progress now, and owes more. */
  watch(item: Item): void {
    this.#sinceMs.delete(item)
    this.#sinceMs.set(item, this.#nowMs())
    this.#timer ??= setInterval(() => this.#poll(), Math.min(1000, this.#limitMs / 4))
  }

  forget(item: Item): void {
    this.#sinceMs.delete(item)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#sinceMs.clear()
  }

  #poll(): void {
    const latestMs = this.#nowMs() - this.#limitMs
    for (const [item, sinceMs] of this.#sinceMs) {
      if (sinceMs > latestMs) return
      this.#sinceMs.delete(item)
      this.#onStall(item)
    }
    if (this.#sinceMs.size === 0) this.close()
  }
}
