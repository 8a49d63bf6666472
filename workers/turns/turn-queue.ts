/**
 * Long work of a thread in bounded steps: one step in each turn of the event loop, of each work in turn, however many there
 * are. Everything else that the thread has to do comes between them.
 */

/** Bodies up to this size are handled at once: that takes no longer than a step may. */
export const AT_ONCE_BYTES = 131_072

export interface SteppedWork {
  /** Does a bounded part. Returns whether all is done. Must not throw. */
  step(): boolean
}

export class TurnQueue {
  /** The next one first. */
  readonly #works = new Set<SteppedWork>()
  #timer: NodeJS.Immediate | undefined

  /** The first step is made in a later turn. */
  add(work: SteppedWork): void {
    this.#works.add(work)
    this.#timer ??= setImmediate(() => this.#run())
  }

  /** No step of the work follows. Does nothing if it is done. */
  remove(work: SteppedWork): void {
    this.#works.delete(work)
  }

  close(): void {
    clearImmediate(this.#timer)
    this.#timer = undefined
    this.#works.clear()
  }

  #run(): void {
    this.#timer = undefined
    const [work] = this.#works
    if (work === undefined) return
    this.#works.delete(work)
    if (!work.step()) this.#works.add(work)
    if (this.#works.size > 0) this.#timer ??= setImmediate(() => this.#run())
  }
}
