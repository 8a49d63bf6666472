/**
 * A clock that stands still until a test moves it: 300 s timeouts pass in milliseconds.
 *
 * Sockets live in real time, so a test first waits until the engine holds its request, then advances.
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

  /** Runs every timer due within the next `ms`, in order, those that they set included. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (let timer = this.#next(untilMs); timer !== undefined; timer = this.#next(untilMs)) {
      this.#timers.delete(timer.id)
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
      timer.run()
    }
    this.#nowMs = untilMs
  }

  /** `ms` go by in which no timer fires: the thread is busy. The next `advance` makes them fire, late. */
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
