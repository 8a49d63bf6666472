/**
 * The circuit breakers as a router thread uses them: who may get a request, and what a leg's end means.
 *
 * Joins the decisions of `circuit-breaker.ts` with the cells that all threads share. A change of state is a
 * compare-and-exchange: the thread that loses it leaves things to the winner.
 */
import type { Config } from '../../src/config/config.ts'
import type { BreakerState } from '../../src/core/breaker-state.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Engine } from '../../src/core/engine.ts'
import {
  admits,
  afterProbe,
  type BreakerOptions,
  isPanic,
  type LegOutcome,
  mustOpen,
  opened,
  probing,
} from '../../src/resilience/circuit-breaker.ts'
import { type BreakerCells, WINDOW_STEPS } from '../../src/shared/breaker-cells.ts'

/** The right to be the one request that a half-open engine gets. Given back by the verdict, or when its time is over. */
export interface Probe {
  readonly slot: number
  readonly untilMs: number
}

export interface BreakerView {
  readonly nowMs: NowMs
  /** The slot's owner now: a leg of the owner before is not counted on the new one. */
  readonly generationOf: (slot: number) => number
  /** Legs that the engine in the slot has now. */
  readonly inFlightOf: (slot: number) => number
  /** This thread has changed the state of a breaker. */
  readonly onChange: (slot: number, to: BreakerState['kind']) => void
}

export class Breakers {
  readonly #cells: BreakerCells
  readonly #options: BreakerOptions
  readonly #isEnabled: boolean
  readonly #maxEjectedShare: number
  readonly #stepMs: number
  readonly #nowMs: NowMs
  readonly #view: BreakerView

  constructor(cells: BreakerCells, { breaker }: Pick<Config, 'breaker'>, view: BreakerView) {
    this.#cells = cells
    this.#options = {
      ...breaker,
      openMs: breaker.openSecs * 1000,
      probeTimeoutMs: breaker.probeTimeoutSecs * 1000,
    }
    this.#isEnabled = breaker.enabled
    this.#maxEjectedShare = breaker.maxEjectedShare
    this.#stepMs = (breaker.windowSecs * 1000) / WINDOW_STEPS
    this.#view = view
    this.#nowMs = view.nowMs
  }

  /** Those of a role that may get a request. All of them in a panic; the list itself while no breaker is open. */
  admitted(engines: readonly Engine[]): readonly Engine[] {
    if (!this.#isEnabled || engines.every(this.#isClosed)) return engines
    const admitted = engines.filter(({ slot }) => this.#admits(slot))
    return isPanic(engines.length, engines.length - admitted.length, this.#maxEjectedShare)
      ? engines
      : admitted
  }

  readonly #isClosed = ({ slot }: Engine): boolean => this.#cells.isClosed(slot)

  /**
   * To be called for an engine that was chosen. `undefined`: no probe is needed, or in a panic none is to be had.
   * `'taken'`: another thread was faster; choose anew.
   */
  claim({ slot }: Engine): Probe | 'taken' | undefined {
    if (!this.#isEnabled || this.#cells.isClosed(slot)) return undefined
    const nowMs = this.#nowMs()
    const state = this.#cells.state(slot, nowMs)
    if (state.kind === 'closed' || !admits(state, nowMs, this.#options)) return undefined
    const next = probing(nowMs, this.#options)
    if (!this.#change(slot, state, next)) return 'taken'
    if (state.kind === 'open') this.#cells.setSuccesses(slot, 0)
    return { slot, untilMs: nowMs + this.#options.probeTimeoutMs }
  }

  /** A leg on the engine has ended so, or has shown that it is good. */
  record({ slot, generation }: Engine, verdict: LegOutcome): void {
    if (!this.#isEnabled || verdict === 'neutral' || this.#view.generationOf(slot) !== generation) return
    const nowMs = this.#nowMs()
    const step = 1 + Math.floor(nowMs / this.#stepMs)
    this.#cells.count(slot, verdict === 'good', step)
    if (verdict === 'good') return
    const state = this.#cells.state(slot, nowMs)
    const window = this.#cells.window(slot, step)
    if (state.kind !== 'closed' || !mustOpen(window, this.#view.inFlightOf(slot), this.#options)) return
    this.#change(slot, state, opened(nowMs, this.#options))
  }

  /** Ends the probe. Nothing happens when its time was over and its slot is another's by now. */
  settle({ slot, untilMs }: Probe, verdict: LegOutcome): void {
    const nowMs = this.#nowMs()
    const successes = this.#cells.successes(slot) + 1
    const next = afterProbe(verdict, successes, nowMs, this.#options)
    // While the probe holds its slot nobody else touches these; an empty window first, or old failures open it again.
    const from = { kind: 'half-open', probeUntilMs: untilMs } as const
    if (!this.#holds(slot, untilMs, nowMs)) return
    if (next.kind === 'closed') this.#cells.emptyWindow(slot)
    if (verdict === 'good') this.#cells.setSuccesses(slot, successes)
    this.#change(slot, from, next)
  }

  #change(slot: number, from: BreakerState, to: BreakerState): boolean {
    const isDone = this.#cells.swap(slot, from, to)
    if (isDone && from.kind !== to.kind) this.#view.onChange(slot, to.kind)
    return isDone
  }

  #holds(slot: number, untilMs: number, nowMs: number): boolean {
    const state = this.#cells.state(slot, nowMs)
    return state.kind === 'half-open' && state.probeUntilMs === untilMs
  }

  #admits(slot: number): boolean {
    if (this.#cells.isClosed(slot)) return true
    const nowMs = this.#nowMs()
    return admits(this.#cells.state(slot, nowMs), nowMs, this.#options)
  }
}
