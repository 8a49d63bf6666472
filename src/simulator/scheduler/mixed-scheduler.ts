/**
 * Scheduler of an engine that does both phases itself: the reference that a prefill/decode pair must match.
 *
 * Unlike a PD engine it may refuse: `maxQueued` bounds its queue.
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
import { PrefixCache } from './prefix-cache.ts'
import { promptRefusal } from './prompt-limits.ts'
import { TokenLoop } from './token-loop.ts'

export class MixedScheduler implements Scheduler {
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #prefixes: PrefixCache
  readonly #forward: ForwardLoop
  readonly #tokens: TokenLoop
  #queue: Sequence[] = []
  readonly #held = new Set<Sequence>()

  constructor(host: SchedulerHost) {
    this.#host = host
    this.#pool = new KvPool(host.knobs)
    this.#prefixes = new PrefixCache(host.knobs)
    this.#tokens = new TokenLoop(host, this.#pool, sequence => this.#left(sequence))
    const memory = { pool: this.#pool, prefixes: this.#prefixes }
    this.#forward = new ForwardLoop(host, memory, {
      forwarded: sequence => this.#tokens.add(sequence),
      aborted: sequence => this.#drop(sequence, 'Aborted'),
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
      this.#queue = this.#queue.filter(one => one !== sequence)
      sequence.end(abortOf('Abort in waiting queue', null))
    } else if (this.#held.has(sequence)) {
      this.#tokens.abort(sequence)
      if (this.#forward.abort(sequence) === 'removed') this.#drop(sequence, 'Abort in waiting queue')
    }
  }

  load(): SchedulerLoad {
    return {
      ...NO_LOAD,
      running: this.#held.size,
      waiting: this.#queue.length,
      waitingTokens: this.#forward.waitingTokens,
      usedTokens: this.#pool.used,
      retractedQueue: this.#tokens.retracted,
    }
  }

  clearCache(): void {
    this.#prefixes.clear()
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
    this.#held.clear()
    this.#forward.reset()
    this.#tokens.reset()
    this.#pool.reset()
    this.#prefixes.clear()
  }

  #admit(): void {
    while (this.#held.size < this.#host.knobs.maxRunning) {
      const next = this.#queue.shift()
      if (next === undefined) return
      this.#held.add(next)
      this.#forward.add(next)
    }
  }

  #drop(sequence: Sequence, message: string): void {
    this.#pool.release(sequence)
    this.#left(sequence)
    sequence.end(abortOf(message, null))
  }

  #left(sequence: Sequence): void {
    this.#held.delete(sequence)
    this.#admit()
    this.#forward.wake()
  }
}
