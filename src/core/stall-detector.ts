/** Detects items that make no progress. A single timer polls all items, because a timer per item would cost too much. */
import type { NowMs } from './clock.ts'

export class StallDetector<Item> {
  readonly #limitMs: number
  readonly #onStall: (item: Item) => void
  readonly #nowMs: NowMs
  /** Time of the last progress of each item, oldest first. */
  readonly #sinceMs = new Map<Item, number>()
  #timer: NodeJS.Timeout | undefined

  /** `onStall` is called once for an item without progress for `limitMs`. The call may be late by a quarter of it. */
  constructor(limitMs: number, onStall: (item: Item) => void, nowMs: NowMs) {
    this.#limitMs = limitMs
    this.#onStall = onStall
    this.#nowMs = nowMs
  }

  /** Records progress of the item, and expects more. */
  watch(item: Item): void {
    this.#sinceMs.delete(item)
    this.#sinceMs.set(item, this.#nowMs())
    this.#timer ??= setInterval(() => this.#poll(), Math.min(1000, this.#limitMs / 4))
  }

  /** Stops watching the item. */
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
