/**
 * Circuit breakers of all engines in shared memory: the state in one word, changed by compare-and-exchange, and the
 * counts of a sliding window. What the counts mean is decided in `resilience/circuit-breaker.ts`.
 *
 * Totals only grow, by `Atomics.add`, so that no thread loses another's count. The window is their growth since the
 * oldest mark in the ring that is not too old; the first thread that counts in a new step sets its mark.
 */
import { type BreakerState, CLOSED, type WindowCounts } from '../core/breaker-state.ts'
import {
  BREAKER,
  BREAKER_FIELDS,
  BREAKER_MARK,
  BREAKER_MARK_FIELDS,
  BREAKER_RING,
  type SharedMemory,
} from './layout.ts'
import { kindOf, momentOf, pack } from './packed-time.ts'

/** Steps of the sliding window. */
export const WINDOW_STEPS = BREAKER_RING

const KIND = { closed: 0, open: 1, probing: 2, halfOpen: 3 } as const
const CLOSED_WORD = 0

export class BreakerCells {
  readonly #cells: Int32Array

  constructor(memory: SharedMemory) {
    this.#cells = new Int32Array(memory.breakers)
  }

  /** One atomic load, which is all that most requests need. */
  isClosed(slot: number): boolean {
    return this.#load(slot, BREAKER.word) === CLOSED_WORD
  }

  state(slot: number, nowMs: number): BreakerState {
    const word = this.#load(slot, BREAKER.word)
    switch (kindOf(word)) {
      case KIND.open:
        return { kind: 'open', untilMs: momentOf(word, nowMs) }
      case KIND.probing:
        return { kind: 'half-open', probeUntilMs: momentOf(word, nowMs) }
      case KIND.halfOpen:
        return { kind: 'half-open', probeUntilMs: undefined }
      default:
        return CLOSED
    }
  }

  /** @returns false, without an effect, when another thread has changed the state since `from` was read. */
  swap(slot: number, from: BreakerState, to: BreakerState): boolean {
    const [before, after] = [wordOf(from), wordOf(to)]
    return (
      Atomics.compareExchange(this.#cells, slot * BREAKER_FIELDS + BREAKER.word, before, after) === before
    )
  }

  /** Good probes since the breaker became half-open. Only the holder of the probe may change it. */
  successes(slot: number): number {
    return this.#load(slot, BREAKER.successes)
  }

  setSuccesses(slot: number, count: number): void {
    Atomics.store(this.#cells, slot * BREAKER_FIELDS + BREAKER.successes, count)
  }

  /** Counts one leg. `step`: number of the current step of the window, 1 or more. */
  count(slot: number, isGood: boolean, step: number): void {
    const base = slot * BREAKER_FIELDS
    this.#mark(base, step)
    Atomics.add(this.#cells, base + (isGood ? BREAKER.ok : BREAKER.failed), 1)
    if (isGood) Atomics.store(this.#cells, base + BREAKER.inARow, 0)
    else Atomics.add(this.#cells, base + BREAKER.inARow, 1)
  }

  /** Legs counted since the start. Both grow only, modulo 2^32. */
  totals(slot: number): { readonly ok: number; readonly failed: number } {
    return { ok: this.#load(slot, BREAKER.ok), failed: this.#load(slot, BREAKER.failed) }
  }

  /** Changes with each call of `noteAnswer` for the slot, unless two threads call it at the same moment. */
  answers(slot: number): number {
    return this.#cells[slot * BREAKER_FIELDS + BREAKER.answers] ?? 0
  }

  /**
   * The engine has done its own part of a request: it has computed the prompt, or decoded the first token. Not atomic,
   * because all that counts is that the number changes.
   */
  noteAnswer(slot: number): void {
    this.#cells[slot * BREAKER_FIELDS + BREAKER.answers] = this.answers(slot) + 1
  }

  /** Failures since the last success. */
  failuresInARow(slot: number): number {
    return this.#load(slot, BREAKER.inARow)
  }

  /** The counts of the last `BREAKER_RING` steps, including the current one. */
  window(slot: number, step: number): WindowCounts {
    const base = slot * BREAKER_FIELDS
    const mark = this.#oldestMark(base, step)
    return {
      ok: this.#grown(base, BREAKER.ok, BREAKER.okFloor, mark + BREAKER_MARK.ok),
      failed: this.#grown(base, BREAKER.failed, BREAKER.failedFloor, mark + BREAKER_MARK.failed),
      inARow: Atomics.load(this.#cells, base + BREAKER.inARow),
    }
  }

  /** Drops all counts so far, which no longer describe the engine. */
  emptyWindow(slot: number): void {
    const base = slot * BREAKER_FIELDS
    Atomics.store(this.#cells, base + BREAKER.okFloor, Atomics.load(this.#cells, base + BREAKER.ok))
    Atomics.store(this.#cells, base + BREAKER.failedFloor, Atomics.load(this.#cells, base + BREAKER.failed))
    Atomics.store(this.#cells, base + BREAKER.inARow, 0)
  }

  /** Closes the breaker and empties its window: the engine is new in its slot, has recovered, or an operator asked for it. */
  reset(slot: number): void {
    this.emptyWindow(slot)
    Atomics.store(this.#cells, slot * BREAKER_FIELDS + BREAKER.word, CLOSED_WORD)
  }

  #load(slot: number, field: number): number {
    return Atomics.load(this.#cells, slot * BREAKER_FIELDS + field)
  }

  /** The first thread in a new step stores the totals. Counts of other threads meanwhile belong to the new step. */
  #mark(base: number, step: number): void {
    const before = Atomics.load(this.#cells, base + BREAKER.step)
    if (before >= step) return
    const ok = Atomics.load(this.#cells, base + BREAKER.ok)
    const failed = Atomics.load(this.#cells, base + BREAKER.failed)
    if (Atomics.compareExchange(this.#cells, base + BREAKER.step, before, step) !== before) return
    const mark = markAt(base, step)
    Atomics.store(this.#cells, mark + BREAKER_MARK.ok, ok)
    Atomics.store(this.#cells, mark + BREAKER_MARK.failed, failed)
    // Last: a mark counts only with its step.
    Atomics.store(this.#cells, mark + BREAKER_MARK.step, step)
  }

  /** Steps without a count have no mark, so the oldest mark within the window is the edge of the window. */
  #oldestMark(base: number, step: number): number {
    for (let candidate = Math.max(1, step - BREAKER_RING + 1); candidate <= step; candidate++) {
      const mark = markAt(base, candidate)
      if (Atomics.load(this.#cells, mark + BREAKER_MARK.step) === candidate) return mark
    }
    return -1
  }

  /** Differences are taken modulo 2^32: totals may wrap around. */
  #grown(base: number, total: number, floor: number, mark: number): number {
    const now = Atomics.load(this.#cells, base + total)
    const sinceFloor = (now - Atomics.load(this.#cells, base + floor)) | 0
    return mark < 0 ? 0 : Math.min(sinceFloor, (now - Atomics.load(this.#cells, mark)) | 0)
  }
}

function markAt(base: number, step: number): number {
  return base + BREAKER.ring + (step % BREAKER_RING) * BREAKER_MARK_FIELDS
}

function wordOf(state: BreakerState): number {
  switch (state.kind) {
    case 'closed':
      return CLOSED_WORD
    case 'open':
      return pack(KIND.open, state.untilMs)
    case 'half-open':
      return state.probeUntilMs === undefined
        ? pack(KIND.halfOpen, 0)
        : pack(KIND.probing, state.probeUntilMs)
  }
}
