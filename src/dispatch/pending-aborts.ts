/**
 * Aborts that dead threads have left to do: one of the threads that run is ordered to send them, or the next one that
 * does. One that dies soon after the order may not have sent them, so they are left again.
 */
import type { PendingAbort } from '../messages/thread.ts'
import { order, type RunningThread } from './running-thread.ts'

/** A second abort of a rid does no harm. */
const SENT_AFTER_MS = 5000

export class PendingAborts {
  readonly #waiting: PendingAbort[] = []

  add(calls: readonly PendingAbort[]): void {
    this.#waiting.push(...calls)
  }

  /** All that waits is the thread's to send; it must take orders already. */
  giveTo(running: RunningThread): void {
    if (this.#waiting.length === 0) return
    const calls = this.#waiting.splice(0)
    order(running, { kind: 'abort', calls })
    running.ordered = { calls: [...unsentOf(running), ...calls], untilMs: performance.now() + SENT_AFTER_MS }
  }

  /** The thread is dead. */
  takeBack(running: RunningThread): void {
    this.add(unsentOf(running))
  }
}

function unsentOf({ ordered }: RunningThread): readonly PendingAbort[] {
  return ordered !== undefined && performance.now() < ordered.untilMs ? ordered.calls : []
}
