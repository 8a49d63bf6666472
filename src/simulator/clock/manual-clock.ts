/**
 * A clock that moves only when a test advances it, so that a timeout of 300 s takes milliseconds.
 *
 * Sockets run in real time: a test must wait until the engine has received its request before it advances the clock.
 */
import type { SimClock, TimerHandle } from './clock.ts'

interface Timer {
  readonly id: number
  readonly dueMs: number
  readonly run: () => void
}

export class ManualClock implements SimClock {
  #nowMs = 0
  #nextId = 1
  readonly #timers = new Map<number, Timer>()

  now(): number {
    return this.#nowMs
  }

  setTimeout(run: () => void, ms: number): TimerHandle {
    const id = this.#nextId++
    this.#timers.set(id, { id, dueMs: this.#nowMs + Math.max(0, ms), run })
    return id
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    if (typeof handle === 'number') this.#timers.delete(handle)
  }

  /** Moves the clock by `ms` and runs every timer that becomes due, in order, including those set meanwhile. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#timers.delete(timer.id)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.run()
    }
    this.#nowMs = untilMs
  }

  /** Moves the clock by `ms` without running timers, as if the thread were busy. The next `advance` runs them late. */
  block(ms: number): void {
    this.#nowMs += ms
  }

  #next(untilMs: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers.values()) {
      if (timer.dueMs <= untilMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer
    }
    return first
  }
}
