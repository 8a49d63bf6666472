/**
 * The Piscina pool of the router threads; each thread runs one task for its whole life. No other file imports piscina.
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
      // The default blocks an idle thread in Atomics.wait, which stops its sockets and timers.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', onError)
  }

  /** Settles when the task has ended. The port of the task is transferred. */
  run(task: RouterThreadTask): Promise<unknown> {
    return this.#pool.run(task, { transferList: [task.port] })
  }

  /** Resolves when the thread is dead, or with `false` if no thread has this Node `threadId`. */
  async terminate(threadId: number | undefined): Promise<boolean> {
    const worker = this.#pool.threads.find(thread => thread.threadId === threadId)
    if (threadId === undefined || worker === undefined) return false
    await worker.terminate()
    return true
  }

  /** Terminates all threads. */
  async destroy(): Promise<void> {
    await this.#pool.destroy()
  }
}
