/**
 * Prompt processing (prefill) of one engine: first in, first out, in steps with a token budget.
 *
 * A long prompt takes several steps; a step may contain several short prompts. As in SGLang (0.5.23), the prefix cache has
 * what a step computes only after the step, so prompts that begin alike and share a step are each computed whole.
 */

import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { KvPool } from './kv-pool.ts'
import { PrefixCache, type PromptPages } from './prefix-cache.ts'
import { StepTimer } from './step-timer.ts'

interface Job {
  readonly sequence: Sequence
  /** Uncached prompt tokens that have not been computed; undefined until the first step of the prompt. */
  remaining: number | undefined
  /** Set with `remaining`; empty if the prompt is not cached. */
  pages: PromptPages
  aborted: boolean
}

interface Hooks {
  /** The whole prompt has been computed. */
  forwarded(sequence: Sequence): void
  /** The sequence was aborted during a step, which has now ended. */
  aborted(sequence: Sequence): void
}

export class ForwardLoop {
  /** Timer of the prefill steps. */
  readonly steps: StepTimer
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #prefixes: PrefixCache
  readonly #hooks: Hooks
  /** In order of arrival. `#batch` has those that take part in the current step. */
  #jobs: Job[] = []
  #batch: Job[] = []

  constructor(host: SchedulerHost, pool: KvPool, hooks: Hooks) {
    this.#host = host
    this.#pool = pool
    this.#prefixes = new PrefixCache(host.knobs)
    this.#hooks = hooks
    this.steps = new StepTimer(host, () => this.#completeStep())
  }

  get size(): number {
    return this.#jobs.length
  }

  get waitingTokens(): number {
    return this.#jobs.reduce((sum, job) => sum + (job.remaining ?? job.sequence.promptTokens), 0)
  }

  add(sequence: Sequence): void {
    this.#jobs.push({ sequence, remaining: undefined, pages: [], aborted: false })
    this.#startStep()
  }

  /** Removes a waiting prompt at once. A prompt that has begun is removed at the end of its step, see `Hooks.aborted`. */
  abort(sequence: Sequence): 'removed' | 'at-step-end' | 'not-here' {
    const index = this.#jobs.findIndex(job => job.sequence === sequence)
    const job = this.#jobs[index]
    if (job === undefined) return 'not-here'
    if (job.remaining === undefined) {
      this.#jobs.splice(index, 1)
      return 'removed'
    }
    job.aborted = true
    return 'at-step-end'
  }

  /** Starts a step if none is running and the head of the queue fits. To be called when KV cache has become free. */
  wake(): void {
    this.#startStep()
  }

  clearCache(): void {
    this.#prefixes.clear()
  }

  reset(): void {
    this.steps.stop()
    this.#jobs = []
    this.#batch = []
    this.#prefixes.clear()
  }

  #startStep(): void {
    if (this.steps.isArmed || this.#jobs.length === 0) return
    const { knobs } = this.#host
    const tokens = this.#fillBatch(Math.max(1, knobs.prefillChunk))
    if (this.#batch.length > 0) this.steps.arm(knobs.prefillOverheadMs + tokens * knobs.prefillMsPerToken)
  }

  /** Returns the number of tokens of the step. */
  #fillBatch(budget: number): number {
    let unused = budget
    for (const job of this.#jobs) {
      if (unused <= 0 || !this.#begin(job)) break
      const tokens = Math.min(unused, job.remaining ?? 0)
      job.remaining = (job.remaining ?? 0) - tokens
      unused -= tokens
      this.#batch.push(job)
    }
    return budget - unused
  }

  /** Returns false if the prompt does not fit into the KV cache at the moment. */
  #begin(job: Job): boolean {
    if (job.remaining !== undefined) return true
    const { sequence } = job
    // With an empty pool it begins whatever its size, because no more KV cache can become free.
    if (this.#pool.free < sequence.promptTokens && this.#pool.used > 0) return false
    this.#pool.take(sequence, sequence.promptTokens)
    if (sequence.promptTokens === sequence.spec.prompt.tokens) {
      job.pages = this.#prefixes.pagesOf(sequence.spec)
      // The last token is always computed, because the first token of the output follows from it.
      const cached = Math.min(this.#prefixes.use(job.pages), Math.max(0, sequence.promptTokens - 1))
      const { startLen } = sequence.spec.logprobs ?? { startLen: -1 }
      // What is cached is not computed, and so has no logprobs.
      sequence.cachedTokens = startLen < 0 ? cached : Math.min(cached, startLen)
    }
    job.remaining = sequence.promptTokens - sequence.cachedTokens
    this.#host.counters.computedTokens += job.remaining
    return true
  }

  #completeStep(): void {
    const batch = this.#batch
    this.#batch = []
    for (const { sequence, remaining = 0, pages } of batch)
      this.#prefixes.add(pages, sequence.promptTokens - remaining)
    const done = new Set(batch.filter(job => job.remaining === 0 || job.aborted))
    this.#jobs = this.#jobs.filter(job => !done.has(job))
    for (const job of done) {
      if (job.aborted) this.#hooks.aborted(job.sequence)
      else this.#hooks.forwarded(job.sequence)
    }
    this.#startStep()
  }
}
