/**
 * The bootstrap rooms of one engine. Requests that use the same room number share one room and its outcome.
 *
 * A room exists from the first time that either engine mentions it until its last member has left.
 */
export interface Room<M> {
  readonly number: number
  readonly members: Set<M>
}

export class Rooms<M, R extends Room<M>> {
  readonly #create: (number: number) => R
  readonly #byNumber = new Map<number, R>()

  constructor(create: (number: number) => R) {
    this.#create = create
  }

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

  /** Returns true if the room has been removed together with its last member. */
  leave(room: R, member: M): boolean {
    room.members.delete(member)
    return this.forgetEmpty(room.number)
  }

  /** Removes the room if it has no members. Returns whether it did. */
  forgetEmpty(number: number): boolean {
    if (this.#byNumber.get(number)?.members.size !== 0) return false
    this.#byNumber.delete(number)
    return true
  }

  reset(): void {
    this.#byNumber.clear()
  }
}
