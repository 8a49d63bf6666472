/**
 * Counts what engines have to compute of prompts, and how long these are, for policies that know nothing of caches.
 * Prompts that the caches count are left to them.
 */
import type { PromptView } from '../../src/policy/policy.ts'
import type { EngineCaches } from '../../src/shared/engine-caches.ts'
import type { LengthHistogram } from '../../src/shared/length-histogram.ts'
import type { HashedPrompt } from '../request/block-hashes.ts'
import type { PrefillTask } from './prefill-task.ts'
import type { PromptCaches } from './prompt-caches.ts'

export interface PromptWorkOptions {
  readonly promptCaches: Pick<PromptCaches, 'viewOf' | 'start'>
  readonly caches: Pick<EngineCaches, 'holdWork'>
  readonly lengths: Pick<LengthHistogram, 'note'>
  readonly thread: number
  /** On the process clock. */
  readonly nowMs: () => number
}

export class PromptWork implements Pick<PromptCaches, 'viewOf' | 'start'> {
  readonly #options: PromptWorkOptions

  constructor(options: PromptWorkOptions) {
    this.#options = options
  }

  viewOf(prompt: HashedPrompt): PromptView | undefined {
    return this.#options.promptCaches.viewOf(prompt)
  }

  /** As `PromptCaches.start`. */
  start(prompt: HashedPrompt | undefined, slot: number): PrefillTask | undefined {
    const bytes = prompt?.bytes
    if (bytes === undefined) return undefined
    const { promptCaches, caches, lengths, thread, nowMs } = this.#options
    lengths.note(bytes, Math.floor(nowMs() / 1000))
    const counted = promptCaches.start(prompt, slot)
    if (counted !== undefined) return counted
    return { predictedShare: 0, end: caches.holdWork(thread, slot, bytes), report: () => undefined }
  }
}
