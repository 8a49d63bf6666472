/**
 * Token generation (decode) of one engine: every step produces one token for each sequence of the running batch.
 *
 * When the KV cache is full, the newest sequence is retracted and resumed later. If a single sequence is left and still
 * does not fit, it ends with an out-of-memory error.
 */

import { abortOf, type SchedulerHost } from '../sequence/scheduler.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { KvPool } from './kv-pool.ts'
import { StepTimer } from './step-timer.ts'

const OUT_OF_MEMORY =
  'Out of memory even after retracting all other requests in the decode batch. Aborting the last request.'

export class TokenLoop {
  /** Timer of the decode steps. */
  readonly steps: StepTimer
  readonly #host: SchedulerHost
  readonly #pool: KvPool
  readonly #onLeave: (sequence: Sequence) => void
  /** The running batch, oldest first. */
  readonly #running = new Set<Sequence>()
  readonly #aborted = new Set<Sequence>()
  #retracted: Sequence[] = []

  /** `onLeave` is called for each sequence after it has ended and its KV cache has been freed. */
  constructor(host: SchedulerHost, pool: KvPool, onLeave: (sequence: Sequence) => void) {
    this.#host = host
    this.#pool = pool
    this.#onLeave = onLeave
    this.steps = new StepTimer(host, () => this.#step())
  }

  get running(): number {
    return this.#running.size
  }

  get retracted(): number {
    return this.#retracted.length
  }

  /** Adds a sequence whose prompt is in the KV cache. Its first token is produced at once. */
  add(sequence: Sequence): void {
    this.#running.add(sequence)
    if (this.#drawsFailure()) {
      sequence.end(abortOf('Injected failure after the KV transfer', 500))
      this.#drop(sequence)
    } else {
      this.#advance(sequence)
    }
    this.#arm()
  }

  /** Aborts a sequence. If it is running, this takes effect in the next step. */
  abort(sequence: Sequence): void {
    if (this.#retracted.includes(sequence)) {
      this.#retracted = this.#retracted.filter(retracted => retracted !== sequence)
      sequence.end(abortOf('Aborted', null))
      this.#onLeave(sequence)
    } else if (this.#running.has(sequence)) {
      this.#aborted.add(sequence)
    }
  }

  reset(): void {
    this.steps.stop()
    this.#running.clear()
    this.#aborted.clear()
    this.#retracted = []
  }

  #drawsFailure(): boolean {
    const { knobs, random } = this.#host
    return knobs.errorAfterKvProb > 0 && random() < knobs.errorAfterKvProb
  }

  get #stepMs(): number {
    const { itlBaseMs, itlPerReqMs } = this.#host.knobs
    return itlBaseMs + itlPerReqMs * this.#running.size
  }

  #arm(): void {
    if (this.#running.size > 0 || this.#retracted.length > 0) this.steps.arm(this.#stepMs)
  }

  #step(): void {
    this.#resumeRetracted()
    this.#makeRoom()
    const nextDue = this.steps.isNextStepDue(this.#stepMs)
    for (const sequence of this.#running) this.#advance(sequence, nextDue)
    this.#arm()
  }

  #advance(sequence: Sequence, nextDue = false): void {
    const { oomAt } = this.#host.knobs
    this.#pool.take(sequence, 1)
    if (this.#aborted.has(sequence)) sequence.end(abortOf('Aborted', null))
    else if (oomAt > 0 && sequence.produced >= oomAt) sequence.end(abortOf(OUT_OF_MEMORY, 500))
    else if (sequence.script.length === 0) sequence.finish()
    else sequence.produce(nextDue)
    if (sequence.ending !== undefined) this.#drop(sequence)
  }

  #drop(sequence: Sequence): void {
    this.#running.delete(sequence)
    this.#aborted.delete(sequence)
    this.#pool.release(sequence)
    this.#onLeave(sequence)
  }

  #resumeRetracted(): void {
    for (let next = this.#retracted[0]; next !== undefined; next = this.#retracted[0]) {
      const tokens = next.promptTokens + next.produced
      if (this.#running.size > 0 && this.#pool.free < tokens + this.#running.size + 1) return
      this.#retracted.shift()
      this.#pool.take(next, tokens)
      this.#running.add(next)
    }
  }

  #makeRoom(): void {
    while (this.#running.size > 1 && this.#pool.free < this.#running.size) {
      const newest = [...this.#running].at(-1)
      if (newest === undefined) return
      this.#running.delete(newest)
      this.#pool.release(newest)
      newest.retractions++
      this.#retracted.push(newest)
    }
    const [last] = this.#running
    if (this.#running.size === 1 && last !== undefined && this.#pool.free < 1) {
      last.end(abortOf(OUT_OF_MEMORY, 500))
      this.#drop(last)
    }
  }
}
