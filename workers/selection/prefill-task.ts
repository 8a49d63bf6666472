/** A prompt that an engine computes for this thread: what was expected of its cache, and what the engine reports of it. */
import { correctionOf, learn, type PromptPrediction } from '../../src/policy/cache-window.ts'
import type { CacheCorrection, EngineCaches } from '../../src/shared/engine-caches.ts'
import type { PromptBlocks } from '../request/block-hashes.ts'

/** A prompt that an engine computes for this thread. */
export interface PrefillTask {
  /** The share of the prompt that was expected to be cached, 0 to 1; `undefined` if nobody knows of caches. */
  readonly predictedShare: number | undefined
  /** The prompt has been computed, or will not be. Further calls do nothing. */
  readonly end: () => void
  /** The attempt has ended, and nobody knows whether the prompt was computed. Takes the place of `end`. */
  drop(): void
  /** The engine reports how many of the prompt's tokens it had cached. */
  report(cachedTokens: number, promptTokens: number): void
}

/** What was known when the engine of the slot got the prompt. */
export interface Prediction extends PromptPrediction {
  readonly blocks: PromptBlocks
  /** How many of the blocks the engine was believed to hold. */
  readonly heldBlocks: number
  readonly slot: number
  /** Of the process clock. */
  readonly second: number
}

export interface TaskContext {
  readonly caches: EngineCaches
  readonly thread: number
  readonly noteCorrection: (slot: number, kind: CacheCorrection) => void
  /** The engine does not hold what was noted of the prompt when it got it. */
  readonly forgetPrompt: (prediction: Prediction) => void
}

/** Counts as work of the engine from the beginning until `end`. */
export class PredictedTask implements PrefillTask {
  readonly #prediction: Prediction
  readonly #context: TaskContext
  readonly #work: number
  readonly end: () => void

  constructor(prediction: Prediction, context: TaskContext) {
    const { slot, promptBytes, predicted, second } = prediction
    this.#prediction = prediction
    this.#context = context
    this.#work = promptBytes - predicted
    context.caches.computed(slot, this.#work, second)
    this.end = context.caches.holdWork(context.thread, slot, this.#work)
  }

  get predictedShare(): number {
    return this.#prediction.predicted / this.#prediction.promptBytes
  }

  drop(): void {
    this.end()
    this.#context.forgetPrompt(this.#prediction)
  }

  report(cachedTokens: number, promptTokens: number): void {
    if (promptTokens === 0) return
    const { slot, promptBytes, second } = this.#prediction
    const { caches, noteCorrection } = this.#context
    const cached = (cachedTokens / promptTokens) * promptBytes
    // More than was expected: it has displaced more of what the engine remembers.
    const extra = Math.round(promptBytes - cached) - this.#work
    if (extra > 0) caches.computed(slot, extra, second)
    const known = caches.read(slot)
    const outcome = { ...this.#prediction, cached, uncachedTokens: promptTokens - cachedTokens }
    const correction = correctionOf(known, outcome)
    if (correction !== undefined) noteCorrection(slot, correction)
    const learned = learn(known, outcome)
    if (learned !== known) caches.write(slot, learned)
  }
}
