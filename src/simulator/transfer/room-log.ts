/** The bootstrap rooms of the requests that an engine has received, and how many were used twice. Keeps the last 100,000. */
const MAX_ROOMS = 100_000

export class RoomLog {
  readonly #rooms = new Set<number>()
  #seen = 0
  #duplicates = 0

  /** Number of requests with a room, including those with a room that was used before. */
  get seen(): number {
    return this.#seen
  }

  /** Number of requests whose room was used before. */
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
    if (this.#rooms.size <= MAX_ROOMS) return
    const [oldest] = this.#rooms
    if (oldest !== undefined) this.#rooms.delete(oldest)
  }
}
