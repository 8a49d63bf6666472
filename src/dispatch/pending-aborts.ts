/**
 * Aborts of orphaned legs that still have to be sent. A running thread is ordered to send them, or the next one that
 * starts. If that thread dies soon afterwards, it may not have sent them, so they are pending again.
 */
import type { PendingAbort } from '../messages/thread.ts'
import { order, type RunningThread } from './running-thread.ts'

/** Time after which a thread has certainly sent its aborts. Sending an abort twice does no harm. */
const SENT_AFTER_MS = 5000

export class PendingAborts {
  readonly #pending: PendingAbort[] = []

  add(aborts: readonly PendingAbort[]): void {
    this.#pending.push(...aborts)
  }

  /** Orders the thread to send all pending aborts. The thread must be ready. */
  giveTo(running: RunningThread): void {
    if (this.#pending.length === 0) return
    const calls = this.#pending.splice(0)
    order(running, { kind: 'abort', calls })
    running.ordered = { calls: [...unsentOf(running), ...calls], untilMs: performance.now() + SENT_AFTER_MS }
  }

  /** The thread has died: the aborts that it may not have sent are pending again. */
  takeBack(running: RunningThread): void {
    this.add(unsentOf(running))
  }
}

function unsentOf({ ordered }: RunningThread): readonly PendingAbort[] {
  return ordered !== undefined && performance.now() < ordered.untilMs ? ordered.calls : []
}
