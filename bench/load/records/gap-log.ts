/** Times between tokens of all streams of a process: millions of numbers, kept in a typed array. */

const FIRST_SIZE = 4096

export class GapLog {
  #values = new Float32Array(FIRST_SIZE)
  #length = 0

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(this.#length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#length++] = value
  }

  /** Returns a copy of the values added since the last call. */
  take(): Float32Array {
    const taken = this.#values.slice(0, this.#length)
    this.#length = 0
    return taken
  }
}
