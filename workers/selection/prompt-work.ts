/**
 * Counts the prompts that engines have: what prefill has still to compute of them, and whose KV caches decode holds or
 * waits for. Policies go by it that know nothing of caches; what the caches count of a prompt is left to them.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { PromptView } from '../../src/policy/policy.ts'
import type { EngineCaches } from '../../src/shared/engine-caches.ts'
import type { LengthHistogram } from '../../src/shared/length-histogram.ts'
import type { HashedPrompt } from '../request/block-hashes.ts'
import type { PrefillTask } from './prefill-task.ts'
import type { PromptCaches } from './prompt-caches.ts'

export interface PromptWorkOptions {
  readonly promptCaches: Pick<PromptCaches, 'viewOf' | 'start' | 'noteReceived'>
  /** Whether decode engines are chosen by what they hold, too. */
  readonly decodeCaches: boolean
  readonly caches: Pick<EngineCaches, 'holdWork' | 'namesCached' | 'noteNamesCached'>
  /** `undefined` if no policy goes by the lengths of prompts. */
  readonly lengths: Pick<LengthHistogram, 'note'> | undefined
  readonly thread: number
  /** On the process clock. */
  readonly nowMs: () => number
}

export class PromptWork {
  readonly #options: PromptWorkOptions

  constructor(options: PromptWorkOptions) {
    this.#options = options
  }

  viewOf(prompt: HashedPrompt): PromptView | undefined {
    return this.#options.promptCaches.viewOf(prompt)
  }

  /** Must be called when the engine gets the prompt to compute. `undefined` if nothing is known of the prompt. */
  start(prompt: HashedPrompt | undefined, engine: Engine): PrefillTask | undefined {
    const bytes = prompt?.bytes
    if (bytes === undefined) return undefined
    const slot = targetOf(engine)
    const { promptCaches, caches, lengths, thread, nowMs } = this.#options
    lengths?.note(bytes, Math.floor(nowMs() / 1000))
    const counted = promptCaches.start(prompt, slot)
    if (counted !== undefined) return counted
    const end = caches.holdWork(thread, slot, bytes)
    return { predictedShare: undefined, end, drop: end, report: () => undefined }
  }

  /**
   * Must be called with what the engine reports of a prompt. @returns whether the count says something: `/generate` always
   * names it, but in `usage` 0 may also mean that the engine was not started with `enable_cache_report`, as `/v1/responses`
   * always has the field (SGLang 0.5.23). So it counts only once the engine has named more than 0 there.
   */
  noteCached(cachedTokens: number, endpoint: GenerationEndpoint, { slot }: Engine): boolean {
    if (endpoint === 'generate') return true
    const { caches } = this.#options
    if (cachedTokens === 0) return caches.namesCached(slot)
    caches.noteNamesCached(slot)
    return true
  }

  /**
   * The decode engine gets the KV cache of the prompt, until the result is called. Further calls of that do nothing.
   * `undefined` if nothing is known of the prompt.
   */
  hold(prompt: HashedPrompt | undefined, engine: Engine): (() => void) | undefined {
    const bytes = prompt?.bytes
    if (prompt === undefined || bytes === undefined) return undefined
    const { promptCaches, decodeCaches, caches, thread } = this.#options
    const slot = targetOf(engine)
    if (decodeCaches) promptCaches.noteReceived(prompt, slot)
    return caches.holdWork(thread, slot, bytes)
  }
}

/** The number by which shared memory counts the engine, or the rank of it that was chosen. */
function targetOf({ slot, rank }: Engine): number {
  return rank?.target ?? slot
}
