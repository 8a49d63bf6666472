/** Which rooms an engine has been asked for, and how often one came again. Remembers the last 100 000. */
const REMEMBERED = 100_000

export class RoomLog {
  readonly #rooms = new Set<number>()
  #seen = 0
  #duplicates = 0

  /** Rooms named by requests, the same one as often as it came. */
  get seen(): number {
    return this.#seen
  }

  get duplicates(): number {
    return this.#duplicates
  }

  has(room: number): boolean {
    return this.#rooms.has(room)
  }

  add(room: number): void {
    this.#seen++
    if (this.#rooms.has(room)) this.#duplicates++
    this.#rooms.add(room)
    if (this.#rooms.size <= REMEMBERED) return
    const [oldest] = this.#rooms
    if (oldest !== undefined) this.#rooms.delete(oldest)
  }
}
