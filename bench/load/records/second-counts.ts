/** Counts of something by second of a run. */

export class SecondCounts {
  readonly #counts = new Map<number, number>()

  add(second: number, count: number): void {
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + count)
  }

  /** Returns pairs of second and count added since the last call. */
  take(): readonly (readonly [number, number])[] {
    const taken = [...this.#counts]
    this.#counts.clear()
    return taken
  }

  /** The highest count of any second. */
  max(): number {
    return [...this.#counts.values()].reduce((max, count) => Math.max(max, count), 0)
  }
}
