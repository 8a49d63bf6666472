/**
 * Starts, watches and replaces the router threads, each with a port of its own.
 *
 * A thread whose task ends is replaced by one that takes over its row of shared memory; `onExit` deals with its open
 * exchanges. A thread whose event loop is blocked is terminated, which ends its task.
 */
import { once } from 'node:events'
import { type EngineSnapshot, type LostEngine, NO_ENGINES } from '../core/engine.ts'
import type { ThreadChannel } from '../messages/channel.ts'
import { type Batch, isBatch } from '../messages/codec.ts'
import type { PendingAbort, ThreadOrder, ThreadReport } from '../messages/thread.ts'
import { EngineCaches } from '../shared/engine-caches.ts'
import { EngineSlots } from '../shared/engine-slots.ts'
import { takeOrphanedLegs } from '../shared/leg-journal.ts'
import { HeartbeatMonitor } from './heartbeat-monitor.ts'
import { PendingAborts } from './pending-aborts.ts'
import { ThreadPool } from './piscina-pool.ts'
import type { RouterThreadsOptions } from './router-threads-options.ts'
import { order, type RunningThread, runThread } from './running-thread.ts'

/**
 * Resolves when every thread takes batches.
 * @throws The error of a thread that ended before that.
 */
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

/** Keeps a thread that dies at once from being restarted in a tight loop. */
const RESTART_PAUSE_MS = 200
/** Time for threads to close their sockets before they are terminated. */
const CLOSE_WAIT_MS = 2000

export class RouterThreads {
  readonly #options: RouterThreadsOptions
  readonly #pool: ThreadPool
  readonly #slots: EngineSlots
  readonly #caches: EngineCaches
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
    this.#caches = new EngineCaches(shared)
    this.#heartbeatMonitor = new HeartbeatMonitor({
      shared,
      stallMs: config.server.threadStallMs,
      threads: () => this.#channels.map(({ thread }) => thread),
      onStall: thread => this.#replaceStalled(thread),
    })
    this.#pool = new ThreadPool({
      entry,
      count,
      onError: error => log.error({ error }, 'router thread pool failed'),
    })
  }

  /** Channels of the threads that take batches, in no particular order. */
  get channels(): readonly ThreadChannel[] {
    return this.#channels
  }

  async start(): Promise<void> {
    const rows = Array.from({ length: this.#options.count }, (_, thread) => thread)
    await Promise.all(rows.map(thread => this.#run(thread)))
    this.#heartbeatMonitor.start()
  }

  /** Sends the snapshot to every thread, including those that start later. */
  sendSnapshot(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#orderAll({ kind: 'snapshot', snapshot })
  }

  /** Requests that wait for the engine are sent to another. */
  giveUpOn(lost: LostEngine): void {
    this.#orderAll({ kind: 'lost', lost })
  }

  /** Every thread runs a full garbage collection. */
  collectGarbage(): void {
    this.#orderAll({ kind: 'collect-garbage' })
  }

  /**
   * Terminates a thread at once; it is replaced as after any other death. Resolves when it is dead, or with `false` if
   * it is not running.
   */
  async restart(thread: number): Promise<boolean> {
    const running = this.#running.get(thread)
    if (running !== undefined) running.wasOrdered = true
    return this.#pool.terminate(running?.threadId)
  }

  /** Has a running thread, or the next one that starts, send the aborts to the engines. */
  abortOrphans(aborts: readonly PendingAbort[]): void {
    this.#pendingAborts.add(aborts)
    for (const running of this.#running.values())
      if (running.threadId !== undefined) this.#pendingAborts.giveTo(running)
  }

  /** Ends all threads: they close their connections in time, or are terminated. */
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

  /** Sends an order to every thread that is ready. */
  #orderAll(message: ThreadOrder): void {
    for (const running of this.#running.values()) if (running.threadId !== undefined) order(running, message)
  }

  /** Resolves when the thread is ready. */
  async #run(thread: number): Promise<void> {
    const { config, shared } = this.#options
    const running = runThread(this.#pool, { config, shared, thread })
    this.#running.set(thread, running)
    const ended = this.#watch(running)
    const ready = new Promise<void>(resolve => {
      running.port.on('message', (message: Batch | ThreadReport) => {
        if (isBatch(message)) return this.#options.onBatch(running.channel, message)
        if (message.kind === 'new-models') return this.#options.onNewModels?.()
        this.#becomeReady(running, message.threadId)
        resolve()
      })
    })
    await Promise.race([ready, ended])
  }

  #becomeReady(running: RunningThread, threadId: number): void {
    running.threadId = threadId
    order(running, { kind: 'snapshot', snapshot: this.#snapshot })
    this.#pendingAborts.giveTo(running)
    this.#channels = [...this.#channels, running.channel]
    this.#options.onReady?.()
  }

  #replaceStalled(thread: number): void {
    const { log } = this.#options
    log.error({ thread }, 'router thread unresponsive, terminating it')
    this.#pool
      .terminate(this.#running.get(thread)?.threadId)
      .catch((error: unknown) => log.error({ thread, error }, 'could not terminate router thread'))
  }

  /** Handles the end of the thread. Rejects if it was not ready before. */
  async #watch(running: RunningThread): Promise<void> {
    const error = await running.task.then(
      () => new Error('The router thread ended without an error'),
      (cause: unknown) => cause,
    )
    if (this.#isClosing) return
    const { channel, port } = running
    const wasReady = running.threadId !== undefined
    // Messages that the thread sent before it died are still delivered.
    if (wasReady) await new Promise(resolve => setImmediate(resolve))
    port.close()
    this.#running.delete(channel.thread)
    this.#channels = this.#channels.filter(candidate => candidate !== channel)
    this.#slots.clearThread(channel.thread)
    this.#caches.clearThread(channel.thread)
    const orphanedLegs = takeOrphanedLegs(this.#options.shared, channel.thread)
    this.#heartbeatMonitor.forget(channel.thread)
    this.#pendingAborts.takeBack(running)
    if (!wasReady) throw error
    this.#logEnd(running, error)
    this.#options.onExit(channel, { wasOrdered: running.wasOrdered, orphanedLegs })
    this.#restartLater(channel.thread)
  }

  /** A thread that was ended on purpose is no problem. */
  #logEnd({ channel: { thread }, wasOrdered }: RunningThread, error: unknown): void {
    const { log } = this.#options
    if (wasOrdered) log.info({ thread }, 'router thread ended on request, starting a new one')
    else log.error({ thread, error }, 'router thread ended, starting a new one')
  }

  #restartLater(thread: number): void {
    const timer = setTimeout(() => {
      this.#restarts.delete(timer)
      this.#run(thread).catch((error: unknown) => {
        this.#options.log.error({ thread, error }, 'router thread did not start, trying again')
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
