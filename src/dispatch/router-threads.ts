/**
 * The router threads, each with a port to it. What travels over the ports is for `messages/`.
 *
 * A thread whose task ends is replaced in the same row of shared memory; what it had open is for `onExit`. One whose
 * event loop stands still is terminated, which ends its task.
 */
import { once } from 'node:events'
import { type EngineSnapshot, NO_ENGINES } from '../core/engine.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import { type Batch, isBatch } from '../messages/codec.ts'
import type { PendingAbort, ThreadOrder, ThreadReport } from '../messages/thread.ts'
import { EngineSlots } from '../shared/engine-slots.ts'
import { takeOrphanedLegs } from '../shared/leg-journal.ts'
import { HeartbeatMonitor } from './heartbeat-monitor.ts'
import { PendingAborts } from './pending-aborts.ts'
import type { RouterThreadsOptions } from './router-threads-options.ts'
import { order, type RunningThread, runThread } from './running-thread.ts'
import { ThreadPool } from './thread-pool.ts'

/** Resolves when every thread takes batches. @throws what ended a thread before it did. */
export async function startRouterThreads(options: RouterThreadsOptions): Promise<RouterThreads> {
  const threads = new RouterThreads(options)
  try {
    await threads.start()
  } catch (error) {
    await threads.close()
    throw error
  }
  return threads
}

/** A thread that cannot stay alive is not restarted in a tight loop. */
const RESTART_PAUSE_MS = 200
/** Time that threads have for closing their sockets before they are terminated. */
const CLOSE_WAIT_MS = 2000

export class RouterThreads {
  readonly #options: RouterThreadsOptions
  readonly #pool: ThreadPool
  readonly #slots: EngineSlots
  readonly #heartbeatMonitor: HeartbeatMonitor
  readonly #running = new Map<number, RunningThread>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  readonly #pendingAborts = new PendingAborts()
  #snapshot: EngineSnapshot = NO_ENGINES
  #channels: readonly ThreadChannel[] = []
  #isClosing = false

  constructor(options: RouterThreadsOptions) {
    this.#options = options
    const { config, shared, entry, count, log } = options
    this.#slots = new EngineSlots(shared)
    this.#heartbeatMonitor = new HeartbeatMonitor({
      shared,
      stallMs: config.server.threadStallMs,
      threads: () => this.#channels.map(({ thread }) => thread),
      onStall: thread => this.#replaceStalled(thread),
    })
    this.#pool = new ThreadPool({
      entry,
      count,
      onError: error => log.error({ err: error }, 'router thread pool'),
    })
  }

  /** Of the threads that take batches, in no particular order. */
  get channels(): readonly ThreadChannel[] {
    return this.#channels
  }

  async start(): Promise<void> {
    const rows = Array.from({ length: this.#options.count }, (_, thread) => thread)
    await Promise.all(rows.map(thread => this.#run(thread)))
    this.#heartbeatMonitor.start()
  }

  /** Every thread, also one that is started later, works with this from now on. */
  sendSnapshot(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#orderAll({ kind: 'snapshot', snapshot })
  }

  /** Each thread frees what it can of its memory. */
  collectGarbage(): void {
    this.#orderAll({ kind: 'collect-garbage' })
  }

  /**
   * Terminates the thread at once, whatever it does; another takes its row as after any other death. Resolves when it
   * is dead, with false when there is none to terminate.
   */
  async restart(thread: number): Promise<boolean> {
    const running = this.#running.get(thread)
    if (running !== undefined) running.wasOrdered = true
    return this.#pool.terminate(running?.threadId)
  }

  /** One of the threads that run, or the next one, tells the engines. */
  abortOrphans(calls: readonly PendingAbort[]): void {
    this.#pendingAborts.add(calls)
    for (const running of this.#running.values())
      if (running.threadId !== undefined) this.#pendingAborts.giveTo(running)
  }

  /** Threads close what they have open and end, or are terminated. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#heartbeatMonitor.close()
    for (const timer of this.#restarts) clearTimeout(timer)
    const running = [...this.#running.values()]
    for (const thread of running) order(thread, { kind: 'close' })
    const ended = Promise.allSettled(running.map(({ task }) => task))
    await Promise.race([ended, afterMs(CLOSE_WAIT_MS)])
    for (const { port } of running) port.close()
    await this.#pool.destroy()
  }

  /** Threads that take orders already. */
  #orderAll(what: ThreadOrder): void {
    for (const running of this.#running.values()) if (running.threadId !== undefined) order(running, what)
  }

  /** Resolves when the thread is ready. */
  async #run(thread: number): Promise<void> {
    const { config, shared } = this.#options
    const running = runThread(this.#pool, { config, shared, thread })
    this.#running.set(thread, running)
    const ended = this.#watch(running)
    const ready = new Promise<void>(resolve => {
      running.port.on('message', (message: Batch | ThreadReport) => {
        if (isBatch(message)) this.#options.onBatch(running.channel, message)
        else {
          this.#becomeReady(running, message)
          resolve()
        }
      })
    })
    await Promise.race([ready, ended])
  }

  #becomeReady(running: RunningThread, { threadId }: ThreadReport): void {
    running.threadId = threadId
    order(running, { kind: 'snapshot', snapshot: this.#snapshot })
    this.#pendingAborts.giveTo(running)
    this.#channels = [...this.#channels, running.channel]
    this.#options.onReady?.()
  }

  #replaceStalled(thread: number): void {
    const { log } = this.#options
    log.error({ thread }, 'router thread stands still, terminating it')
    this.#pool
      .terminate(this.#running.get(thread)?.threadId)
      .catch((error: unknown) => log.error({ thread, err: error }, 'restart'))
  }

  /** Rejects when the thread ends without being ready; handles every other end itself. */
  async #watch(running: RunningThread): Promise<void> {
    const error = await running.task.then(
      () => new Error('the task of a router thread ended by itself'),
      (cause: unknown) => cause,
    )
    if (this.#isClosing) return
    const { channel, port } = running
    const wasReady = running.threadId !== undefined
    // What the thread sent before it died is still worth delivering.
    if (wasReady) await new Promise(resolve => setImmediate(resolve))
    port.close()
    this.#running.delete(channel.thread)
    this.#channels = this.#channels.filter(other => other !== channel)
    this.#slots.clearThread(channel.thread)
    const left = takeOrphanedLegs(this.#options.shared, channel.thread)
    this.#heartbeatMonitor.forget(channel.thread)
    this.#pendingAborts.takeBack(running)
    if (!wasReady) throw error
    this.#options.log.error({ thread: channel.thread, err: error }, 'router thread ended, starting another')
    this.#options.onExit(channel, { wasOrdered: running.wasOrdered, left })
    this.#restartLater(channel.thread)
  }

  #restartLater(thread: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#run(thread).catch((error: unknown) => {
        this.#options.log.error({ thread, err: error }, 'router thread did not start')
        if (!this.#isClosing) this.#restartLater(thread)
      })
    }, RESTART_PAUSE_MS)
    this.#restarts.add(timer)
  }
}

async function afterMs(ms: number): Promise<void> {
  const signal = AbortSignal.timeout(ms)
  await once(signal, 'abort')
}
