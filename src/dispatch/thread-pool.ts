/**
 * The Piscina pool that router threads live in: each thread runs one task for its whole life. The only import of
 * piscina. Knows nothing of what the task does.
 */
import { Piscina } from 'piscina'
import type { RouterThreadTask } from '../messages/thread.ts'

export interface ThreadPoolOptions {
  /** Module whose default export runs a `RouterThreadTask`. */
  readonly entry: URL
  readonly count: number
  readonly onError: (error: unknown) => void
}

export class ThreadPool {
  readonly #pool: Piscina<RouterThreadTask, unknown>

  constructor({ entry, count, onError }: ThreadPoolOptions) {
    this.#pool = new Piscina({
      filename: entry.href,
      minThreads: count,
      maxThreads: count,
      concurrentTasksPerWorker: 1,
      // The default parks an idle thread in Atomics.wait, where its sockets and timers stand still.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', onError)
  }

  /** Settles when the thread has ended; the task's port is transferred. */
  run(task: RouterThreadTask): Promise<unknown> {
    return this.#pool.run(task, { transferList: [task.port] })
  }

  /** `threadId`: Node's. Resolves when the thread is dead, with false when there is none to terminate. */
  async terminate(threadId: number | undefined): Promise<boolean> {
    const worker = this.#pool.threads.find(one => one.threadId === threadId)
    if (threadId === undefined || worker === undefined) return false
    await worker.terminate()
    return true
  }

  /** Terminates what still runs. */
  async destroy(): Promise<void> {
    await this.#pool.destroy()
  }
}
