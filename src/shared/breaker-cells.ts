/**
 * Circuit breakers of all engines in shared memory: the state in one word, changed by compare-and-exchange, and what
 * was counted over a sliding window. What a count means is decided in `resilience/circuit-breaker.ts`.
 *
 * Totals only grow, by `Atomics.add`, so that no thread loses another's count. The window is what they have grown since
 * the oldest mark in the ring that is still young enough; a mark is set by the first thread that counts in a new step.
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

  /** One atomic load: what most requests need to know. */
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

  /** `false`: another thread has changed the state since `from` was read; nothing was done. */
  swap(slot: number, from: BreakerState, to: BreakerState): boolean {
    const [before, after] = [wordOf(from), wordOf(to)]
    return (
      Atomics.compareExchange(this.#cells, slot * BREAKER_FIELDS + BREAKER.word, before, after) === before
    )
  }

  /** Probes that were good since the breaker became half-open. Only the holder of the probe may change it. */
  successes(slot: number): number {
    return this.#load(slot, BREAKER.successes)
  }

  setSuccesses(slot: number, count: number): void {
    Atomics.store(this.#cells, slot * BREAKER_FIELDS + BREAKER.successes, count)
  }

  /** Counts one leg that ended. `step`: number of the current step of the window, 1 or more. */
  count(slot: number, isGood: boolean, step: number): void {
    const at = slot * BREAKER_FIELDS
    this.#mark(at, step)
    Atomics.add(this.#cells, at + (isGood ? BREAKER.ok : BREAKER.failed), 1)
    if (isGood) Atomics.store(this.#cells, at + BREAKER.inARow, 0)
    else Atomics.add(this.#cells, at + BREAKER.inARow, 1)
  }

  /** What was counted in the last `BREAKER_RING` steps, the current one included. */
  window(slot: number, step: number): WindowCounts {
    const at = slot * BREAKER_FIELDS
    const mark = this.#oldestMark(at, step)
    return {
      ok: this.#grown(at, BREAKER.ok, BREAKER.okFloor, mark + BREAKER_MARK.ok),
      failed: this.#grown(at, BREAKER.failed, BREAKER.failedFloor, mark + BREAKER_MARK.failed),
      inARow: Atomics.load(this.#cells, at + BREAKER.inARow),
    }
  }

  /** What was counted so far tells nothing any more. */
  emptyWindow(slot: number): void {
    const at = slot * BREAKER_FIELDS
    Atomics.store(this.#cells, at + BREAKER.okFloor, Atomics.load(this.#cells, at + BREAKER.ok))
    Atomics.store(this.#cells, at + BREAKER.failedFloor, Atomics.load(this.#cells, at + BREAKER.failed))
    Atomics.store(this.#cells, at + BREAKER.inARow, 0)
  }

  /** Closed, with an empty window: for an engine that is new in its slot, has come back, or as an operator wishes. */
  reset(slot: number): void {
    this.emptyWindow(slot)
    Atomics.store(this.#cells, slot * BREAKER_FIELDS + BREAKER.word, CLOSED_WORD)
  }

  #load(slot: number, field: number): number {
    return Atomics.load(this.#cells, slot * BREAKER_FIELDS + field)
  }

  /** The first in a new step notes the totals; who counts meanwhile is in the new step already. */
  #mark(at: number, step: number): void {
    const before = Atomics.load(this.#cells, at + BREAKER.step)
    if (before >= step) return
    const ok = Atomics.load(this.#cells, at + BREAKER.ok)
    const failed = Atomics.load(this.#cells, at + BREAKER.failed)
    if (Atomics.compareExchange(this.#cells, at + BREAKER.step, before, step) !== before) return
    const mark = markAt(at, step)
    Atomics.store(this.#cells, mark + BREAKER_MARK.ok, ok)
    Atomics.store(this.#cells, mark + BREAKER_MARK.failed, failed)
    // Last: a mark counts only with its step.
    Atomics.store(this.#cells, mark + BREAKER_MARK.step, step)
  }

  /** Steps in which nothing was counted have no mark, so the oldest young mark is the edge of the window. */
  #oldestMark(at: number, step: number): number {
    for (let each = Math.max(1, step - BREAKER_RING + 1); each <= step; each++) {
      if (Atomics.load(this.#cells, markAt(at, each) + BREAKER_MARK.step) === each) return markAt(at, each)
    }
    return -1
  }

  /** Differences are taken modulo 2^32: totals may wrap around. */
  #grown(at: number, total: number, floor: number, mark: number): number {
    const now = Atomics.load(this.#cells, at + total)
    const sinceFloor = (now - Atomics.load(this.#cells, at + floor)) | 0
    return mark < 0 ? 0 : Math.min(sinceFloor, (now - Atomics.load(this.#cells, mark)) | 0)
  }
}

function markAt(at: number, step: number): number {
  return at + BREAKER.ring + (step % BREAKER_RING) * BREAKER_MARK_FIELDS
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
