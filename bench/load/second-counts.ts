/** How many of something came in each second of a run. */

export class SecondCounts {
  readonly #counts = new Map<number, number>()

  add(second: number, count: number): void {
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count)
  }

  /** Second and count, what has been added since the last time. */
  take(): readonly (readonly [number, number])[] {
    const taken = [...this.#counts]
    this.#counts.clear()
    return taken
  }

  /** Count of the fullest second. */
  most(): number {
    return [...this.#counts.values()].reduce((most, count) => Math.max(most, count), 0)
  }
}
