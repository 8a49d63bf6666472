/**
 * The circuit breakers as a router thread uses them: which engines may get a request, and what the outcome of a leg
 * changes.
 *
 * Joins the decisions of `circuit-breaker.ts` with the cells that all threads share. A change of state is a
 * compare-and-exchange; a thread that loses it does nothing more, because the winner has made the change.
 */
import type { Config } from '../../src/config/config.ts'
import type { BreakerState } from '../../src/core/breaker-state.ts'
import type { NowMs } from '../../src/core/clock.ts'
import type { Engine } from '../../src/core/engine.ts'
import {
  type Admissible,
  admissible,
  type EngineView,
  type Standing,
} from '../../src/resilience/admissible.ts'
import {
  afterProbe,
  type BreakerOptions,
  type LegOutcome,
  mustOpen,
  opened,
  probing,
  standingOf,
} from '../../src/resilience/circuit-breaker.ts'
import { type BreakerCells, WINDOW_STEPS } from '../../src/shared/breaker-cells.ts'

/** The right to send a half-open engine its one request. It ends with the request's outcome, or when it expires. */
export interface Probe {
  readonly slot: number
  readonly untilMs: number
}

export interface BreakerView {
  readonly nowMs: NowMs
  /** The generation of the slot's current engine: a leg of an earlier one is not counted on it. */
  readonly generationOf: (slot: number) => number
  /** Requests in flight on the engine in the slot. */
  readonly inFlightOf: (slot: number) => number
  /** Called when this thread has changed the state of a breaker. */
  readonly onChange: (slot: number, to: BreakerState['kind']) => void
}

/** What the choice of an engine depends on besides the engines. */
export interface PlacedRequest {
  /** Whether an attempt of the request has failed. */
  readonly isRetry: boolean
  /** Whether an engine can take the request now. */
  readonly hasRoom: (engine: Engine) => boolean
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
      earlyProbeMs: breaker.earlyProbeSecs * 1000,
      probeTimeoutMs: breaker.probeTimeoutSecs * 1000,
    }
    this.#isEnabled = breaker.enabled
    this.#maxEjectedShare = breaker.maxEjectedShare
    this.#stepMs = (breaker.windowSecs * 1000) / WINDOW_STEPS
    this.#view = view
    this.#nowMs = view.nowMs
  }

  /** The engines of a role that the request may go to: all of them, without allocating, while no breaker is open. */
  admitted(engines: readonly Engine[], { isRetry, hasRoom }: PlacedRequest): Admissible<Engine> {
    if (!this.#isEnabled || engines.every(this.isClosed)) return { engines, probesEarly: false }
    const view: EngineView<Engine> = { standingOf: this.#standingOf, isProven: this.isProven, hasRoom }
    return admissible(engines, view, { isRetry, maxEjectedShare: this.#maxEjectedShare })
  }

  /** Whether requests show that the engine works. Never while breakers are disabled, as none opens then. */
  isSound(engine: Engine): boolean {
    return this.#isEnabled && this.isClosed(engine)
  }

  readonly isClosed = ({ slot }: Engine): boolean => this.#cells.isClosed(slot)

  /** Changes whenever the engine in the slot has done its part of a request, so it is alive. */
  readonly answers = (slot: number): number => this.#cells.answers(slot)

  /**
   * The engine has done its own part of a request. A leg that is `good` shows less: prefill's is when decode has sent a
   * token, which may be long after the prefill engine has ended.
   */
  noteAnswer({ slot, generation }: Engine): void {
    if (this.#view.generationOf(slot) === generation) this.#cells.noteAnswer(slot)
  }

  /** Whether the last leg that counted was good. */
  readonly isProven = ({ slot }: Engine): boolean => this.#cells.failuresInARow(slot) === 0

  /**
   * Must be called for every engine that was chosen; `probesEarly`: of the list it was chosen from. `undefined`: no probe
   * is needed, or none is available in a panic. `'taken'`: another thread claimed the probe first, so another engine
   * must be chosen.
   */
  claim(engine: Engine, probesEarly = false): Probe | 'taken' | undefined {
    const { slot } = engine
    if (!this.#isEnabled || this.#cells.isClosed(slot)) return undefined
    const nowMs = this.#nowMs()
    const state = this.#cells.state(slot, nowMs)
    const standing = standingOf(state, nowMs, this.#options)
    const isProbe = standing === 'probe' || (standing === 'early' && probesEarly && !this.isProven(engine))
    if (!isProbe) return undefined
    if (!this.#change(slot, state, probing(nowMs, this.#options))) return 'taken'
    if (state.kind === 'open') this.#cells.setSuccesses(slot, 0)
    return { slot, untilMs: nowMs + this.#options.probeTimeoutMs }
  }

  /** Counts the outcome of a leg: it has ended, or has shown that it is good. Probes read the totals, too. */
  record({ slot, generation }: Engine, outcome: LegOutcome): void {
    if (outcome === 'neutral' || this.#view.generationOf(slot) !== generation) return
    const nowMs = this.#nowMs()
    const step = 1 + Math.floor(nowMs / this.#stepMs)
    this.#cells.count(slot, outcome === 'good', step)
    if (outcome === 'good' || !this.#isEnabled) return
    const state = this.#cells.state(slot, nowMs)
    const window = this.#cells.window(slot, step)
    if (state.kind !== 'closed' || !mustOpen(window, this.#view.inFlightOf(slot), this.#options)) return
    this.#change(slot, state, opened(nowMs, this.#options))
  }

  /** Ends the probe. Does nothing when it has expired and another request holds the probe of the slot. */
  settle({ slot, untilMs }: Probe, outcome: LegOutcome): void {
    const nowMs = this.#nowMs()
    const successes = this.#cells.successes(slot) + 1
    const next = afterProbe(outcome, successes, nowMs, this.#options)
    // Only the holder of the probe writes these. The window is emptied first, or old failures would open it again.
    const from = { kind: 'half-open', probeUntilMs: untilMs } as const
    if (!this.#holds(slot, untilMs, nowMs)) return
    if (next.kind === 'closed') this.#cells.emptyWindow(slot)
    if (outcome === 'good') this.#cells.setSuccesses(slot, successes)
    this.#change(slot, from, next)
  }

  #change(slot: number, from: BreakerState, to: BreakerState): boolean {
    const hasSwapped = this.#cells.swap(slot, from, to)
    if (hasSwapped && from.kind !== to.kind) this.#view.onChange(slot, to.kind)
    return hasSwapped
  }

  #holds(slot: number, untilMs: number, nowMs: number): boolean {
    const state = this.#cells.state(slot, nowMs)
    return state.kind === 'half-open' && state.probeUntilMs === untilMs
  }

  readonly #standingOf = ({ slot }: Engine): Standing => {
    if (this.#cells.isClosed(slot)) return 'closed'
    const nowMs = this.#nowMs()
    return standingOf(this.#cells.state(slot, nowMs), nowMs, this.#options)
  }
}
