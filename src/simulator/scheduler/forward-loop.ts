/**
 * Prompt processing of one engine: first come, first served, in steps of a token budget.
 *
 * A long prompt takes several steps, a step may hold several short ones.
 */

import type { SchedulerHost } from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { KvPool } from './kv-pool.ts'
import type { PrefixCache } from './prefix-cache.ts'
import { StepTimer } from './step-timer.ts'

interface Job {
  readonly sequence: Sequence
  /** Uncached tokens to go; undefined until its first step. */
  left: number | undefined
  isAborted: boolean
}

interface Hooks {
  /** The prompt is in the KV cache. */
  forwarded(sequence: Sequence): void
  /** Aborted between two steps. */
  aborted(sequence: Sequence): void
}

interface Memory {
  readonly pool: KvPool
  readonly prefixes: PrefixCache
}

export class ForwardLoop {
  /** Of prompt processing: others may hold it up or ask how far it is. */
  readonly steps: StepTimer
  readonly #host: SchedulerHost
  readonly #memory: Memory
  readonly #hooks: Hooks
  /** Head first; `#batch` is the part of it that is in the step under way. */
  #jobs: Job[] = []
  #batch: Job[] = []

  constructor(host: SchedulerHost, memory: Memory, hooks: Hooks) {
    this.#host = host
    this.#memory = memory
    this.#hooks = hooks
    this.steps = new StepTimer(host, () => this.#completeStep())
  }

  get size(): number {
    return this.#jobs.length
  }

  get waitingTokens(): number {
    return this.#jobs.reduce((sum, job) => sum + (job.left ?? job.sequence.promptTokens), 0)
  }

  add(sequence: Sequence): void {
    this.#jobs.push({ sequence, left: undefined, isAborted: false })
    this.#startStep()
  }

  /** A waiting prompt is removed at once, one under way is told of at the end of its step. */
  abort(sequence: Sequence): 'removed' | 'at-step-end' | 'not-here' {
    const at = this.#jobs.findIndex(job => job.sequence === sequence)
    const job = this.#jobs[at]
    if (job === undefined) return 'not-here'
    if (job.left === undefined) {
      this.#jobs.splice(at, 1)
      return 'removed'
    }
    job.isAborted = true
    return 'at-step-end'
  }

  reset(): void {
    this.steps.stop()
    this.#jobs = []
    this.#batch = []
  }

  #startStep(): void {
    if (this.steps.isArmed || this.#jobs.length === 0) return
    const { knobs } = this.#host
    const tokens = this.#fillBatch(Math.max(1, knobs.prefillChunk))
    if (this.#batch.length > 0) this.steps.arm(knobs.prefillOverheadMs + tokens * knobs.prefillMsPerToken)
  }

  /** Returns the tokens of the step. */
  #fillBatch(budget: number): number {
    let left = budget
    for (const job of this.#jobs) {
      if (left <= 0 || !this.#begin(job)) break
      const share = Math.min(left, job.left ?? 0)
      job.left = (job.left ?? 0) - share
      left -= share
      this.#batch.push(job)
    }
    return budget - left
  }

  /** False when the KV cache has no room for it now. */
  #begin(job: Job): boolean {
    if (job.left !== undefined) return true
    const { sequence } = job
    const { pool, prefixes } = this.#memory
    // With an empty pool it goes ahead whatever its size: nothing would ever make more room.
    if (pool.free < sequence.promptTokens && pool.used > 0) return false
    pool.take(sequence, sequence.promptTokens)
    if (sequence.promptTokens === sequence.spec.prompt.tokens) {
      sequence.cachedTokens = prefixes.touch(sequence.spec.prompt)
    }
    job.left = sequence.promptTokens - sequence.cachedTokens
    return true
  }

  #completeStep(): void {
    const batch = this.#batch
    this.#batch = []
    const done = new Set(batch.filter(job => job.left === 0 || job.isAborted))
    this.#jobs = this.#jobs.filter(job => !done.has(job))
    for (const job of done) {
      if (job.isAborted) this.#hooks.aborted(job.sequence)
      else this.#hooks.forwarded(job.sequence)
    }
    this.#startStep()
  }

  /** Room has come free outside a step. */
  wake(): void {
    this.#startStep()
  }
}
