/**
 * The scheduler of a mixed engine, which does both prefill and decode. Its output is the reference for a pair.
 *
 * Unlike a PD engine it may reject requests: `maxQueued` limits its queue.
 */

import {
  abortOf,
  NO_LOAD,
  type Scheduler,
  type SchedulerHost,
  type SchedulerLoad,
} from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { ForwardLoop } from './forward-loop.ts'
import { KvPool } from './kv-pool.ts'
import { promptRefusal } from './prompt-limits.ts'
import { TokenLoop } from './token-loop.ts'

export class MixedScheduler implements Scheduler {
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #forward: ForwardLoop
  readonly #tokens: TokenLoop
  #queue: Sequence[] = []
  /** Sequences that have left the queue and have not ended. */
  readonly #running = new Set<Sequence>()

  constructor(host: SchedulerHost) {
    this.#host = host
    this.#pool = new KvPool(host.knobs)
    this.#tokens = new TokenLoop(host, this.#pool, sequence => this.#leave(sequence))
    this.#forward = new ForwardLoop(host, this.#pool, {
      forwarded: sequence => this.#tokens.add(sequence),
      aborted: sequence => this.#abortRunning(sequence, 'Aborted'),
    })
  }

  submit(sequence: Sequence): void {
    const refusal = promptRefusal(sequence, this.#host.knobs)
    if (refusal !== undefined) return sequence.end(abortOf(refusal, 400))
    const { maxQueued } = this.#host.knobs
    if (maxQueued > 0 && this.#queue.length >= maxQueued) {
      return sequence.end(abortOf('The request queue is full.', 503))
    }
    this.#queue.push(sequence)
    this.#admit()
  }

  abort(sequence: Sequence): void {
    if (this.#queue.includes(sequence)) {
      this.#queue = this.#queue.filter(queued => queued !== sequence)
      sequence.end(abortOf('Abort in waiting queue', null))
    } else if (this.#running.has(sequence)) {
      this.#tokens.abort(sequence)
      if (this.#forward.abort(sequence) === 'removed') this.#abortRunning(sequence, 'Abort in waiting queue')
    }
  }

  load(): SchedulerLoad {
    return {
      ...NO_LOAD,
      running: this.#running.size,
      waiting: this.#queue.length,
      waitingTokens: this.#forward.waitingTokens,
      usedTokens: this.#pool.used,
      retractedQueue: this.#tokens.retracted,
    }
  }

  clearCache(): void {
    this.#forward.clearCache()
  }

  pause(): void {
    this.#forward.steps.pause()
    this.#tokens.steps.pause()
  }

  resume(): void {
    this.#forward.steps.resume()
    this.#tokens.steps.resume()
  }

  reset(): void {
    this.#queue = []
    this.#running.clear()
    this.#forward.reset()
    this.#tokens.reset()
    this.#pool.reset()
  }

  #admit(): void {
    while (this.#running.size < this.#host.knobs.maxRunning) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#running.add(next)
      this.#forward.add(next)
    }
  }

  #abortRunning(sequence: Sequence, message: string): void {
    this.#pool.release(sequence)
    this.#leave(sequence)
    sequence.end(abortOf(message, null))
  }

  #leave(sequence: Sequence): void {
    this.#running.delete(sequence)
    this.#admit()
    this.#forward.wake()
  }
}
