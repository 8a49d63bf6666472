/**
 * The rooms that an engine knows of. All requests with one room share it, whoever they are: its fate is theirs.
 *
 * A room is there from its first mention until its last leg has left.
 */
export interface Room<L> {
  readonly number: number
  readonly members: Set<L>
}

export class Rooms<L, R extends Room<L>> {
  readonly #create: (number: number) => R
  readonly #byNumber = new Map<number, R>()

  constructor(create: (number: number) => R) {
    this.#create = create
  }

  /** undefined when nobody has mentioned it. */
  find(number: number): R | undefined {
    return this.#byNumber.get(number)
  }

  getOrCreate(number: number): R {
    const known = this.#byNumber.get(number)
    if (known !== undefined) return known
    const room = this.#create(number)
    this.#byNumber.set(number, room)
    return room
  }

  /** Whether the room went with the leg. */
  leave(room: R, member: L): boolean {
    room.members.delete(member)
    return this.forgetEmpty(room.number)
  }

  /** Whether it is gone now: nobody is in it. */
  forgetEmpty(number: number): boolean {
    if (this.#byNumber.get(number)?.members.size !== 0) return false
    this.#byNumber.delete(number)
    return true
  }

  reset(): void {
    this.#byNumber.clear()
  }
}
