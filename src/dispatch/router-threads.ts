/**
 * The router threads: a Piscina pool in which each thread runs one task for its whole life, with a port to it.
 * The only import of piscina. What travels over the ports is for `messages/`.
 *
 * A thread whose task ends is replaced in the same row of shared memory; what it had open is for `onExit`. One whose
 * event loop stands still is terminated, which ends its task.
 */
import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Config } from '../config/config.ts'
import { type EngineSnapshot, NO_ENGINES } from '../core/engine.ts'
import { BatchSender, type ThreadChannel } from '../messages/channel.ts'
import { type Batch, isBatch } from '../messages/codec.ts'
import type { LeftCall, RouterThreadTask, ThreadOrder, ThreadReport } from '../messages/thread.ts'
import { EngineSlots } from '../shared/engine-slots.ts'
import { beatEveryMs, Heartbeats } from '../shared/heartbeats.ts'
import type { SharedMemory } from '../shared/layout.ts'
import { type OpenLegs, takeLeftLegs } from '../shared/leg-journal.ts'
import type { Logger } from '../telemetry/log.ts'
import { StallWatch } from './stall-watch.ts'

export interface RouterThreadsOptions {
  readonly config: Config
  readonly shared: SharedMemory
  readonly count: number
  /** Module whose default export runs a `RouterThreadTask`. */
  readonly entry: URL
  /** Valid for as long as the callee keeps it. */
  readonly onBatch: (channel: ThreadChannel, batch: Batch) => void
  /** The thread behind the channel is gone, its rows cleared; another one is being started. */
  readonly onExit: (channel: ThreadChannel, exit: ThreadExit) => void
  /** One more thread takes batches. */
  readonly onReady?: () => void
  readonly log: Logger
}

interface ThreadExit {
  /** It was told to end: nothing that it had open is to blame. */
  readonly wasOrdered: boolean
  /** What it has left on the engines. */
  readonly left: readonly OpenLegs[]
}

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

interface RunningThread {
  readonly channel: ThreadChannel
  readonly port: MessagePort
  readonly task: Promise<unknown>
  /** Set once it takes batches. */
  threadId: number | undefined
  wasOrdered: boolean
  /** Aborts that it was last ordered to send, and until when it may not have sent them. */
  ordered: { readonly calls: readonly LeftCall[]; readonly untilMs: number } | undefined
}

/** A thread that cannot stay alive is not restarted in a tight loop. */
const RESTART_PAUSE_MS = 200
/** A thread that dies so soon after an order to abort may not have sent it; a second abort of a rid does no harm. */
const ABORT_SENT_AFTER_MS = 5000
/** Time that threads have for closing their sockets before they are terminated. */
const CLOSE_WAIT_MS = 2000

export class RouterThreads {
  readonly #options: RouterThreadsOptions
  readonly #pool: Piscina<RouterThreadTask, unknown>
  readonly #slots: EngineSlots
  readonly #heartbeats: Heartbeats
  readonly #stalls: StallWatch
  readonly #lookEveryMs: number
  readonly #running = new Map<number, RunningThread>()
  readonly #restarts = new Set<NodeJS.Timeout>()
  /** For the next thread that takes orders. */
  readonly #leftCalls: LeftCall[] = []
  #snapshot: EngineSnapshot = NO_ENGINES
  #channels: readonly ThreadChannel[] = []
  #lookTimer: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(options: RouterThreadsOptions) {
    this.#options = options
    const { threadStallMs } = options.config.server
    this.#slots = new EngineSlots(options.shared)
    this.#heartbeats = new Heartbeats(options.shared)
    this.#lookEveryMs = beatEveryMs(threadStallMs)
    this.#stalls = new StallWatch(threadStallMs, this.#lookEveryMs)
    this.#pool = new Piscina({
      filename: options.entry.href,
      minThreads: options.count,
      maxThreads: options.count,
      concurrentTasksPerWorker: 1,
      // The default parks an idle thread in Atomics.wait, where its sockets and timers stand still.
      atomics: 'disabled',
      recordTiming: false,
    })
    this.#pool.on('error', (error: unknown) => options.log.error({ err: error }, 'router thread pool'))
  }

  /** Of the threads that take batches, in no particular order. */
  get channels(): readonly ThreadChannel[] {
    return this.#channels
  }

  async start(): Promise<void> {
    const rows = Array.from({ length: this.#options.count }, (_, thread) => thread)
    await Promise.all(rows.map(thread => this.#run(thread)))
    this.#lookTimer = setInterval(() => this.#replaceStalled(), this.#lookEveryMs)
  }

  /** Every thread, also one that is started later, works with this from now on. */
  sendSnapshot(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    for (const { port, threadId } of this.#running.values())
      if (threadId !== undefined) order(port, { kind: 'snapshot', snapshot })
  }

  /**
   * Terminates the thread at once, whatever it does; another takes its row as after any other death. Resolves when it
   * is dead, with false when there is none to terminate.
   */
  async restart(thread: number): Promise<boolean> {
    const running = this.#running.get(thread)
    if (running !== undefined) running.wasOrdered = true
    return this.#terminate(thread)
  }

  /** One of the threads that run, or the next one, tells the engines. */
  abortLeft(calls: readonly LeftCall[]): void {
    this.#leftCalls.push(...calls)
    for (const running of this.#running.values())
      if (running.threadId !== undefined) this.#orderAborts(running)
  }

  #orderAborts(running: RunningThread): void {
    if (this.#leftCalls.length === 0) return
    const calls = this.#leftCalls.splice(0)
    order(running.port, { kind: 'abort', calls })
    const untilMs = performance.now() + ABORT_SENT_AFTER_MS
    running.ordered = { calls: [...unsentOf(running), ...calls], untilMs }
  }

  async #terminate(thread: number): Promise<boolean> {
    const threadId = this.#running.get(thread)?.threadId
    const worker = this.#pool.threads.find(one => one.threadId === threadId)
    if (threadId === undefined || worker === undefined) return false
    await worker.terminate()
    return true
  }

  /** Threads close what they have open and end, or are terminated. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#lookTimer)
    for (const timer of this.#restarts) clearTimeout(timer)
    const running = [...this.#running.values()]
    for (const { port } of running) order(port, { kind: 'close' })
    const ended = Promise.allSettled(running.map(({ task }) => task))
    await Promise.race([ended, afterMs(CLOSE_WAIT_MS)])
    for (const { port } of running) port.close()
    await this.#pool.destroy()
  }

  /** Resolves when the thread is ready. */
  async #run(thread: number): Promise<void> {
    const { port1: port, port2 } = new MessageChannel()
    const { config, shared } = this.#options
    const task = this.#pool.run({ port: port2, config, shared, thread }, { transferList: [port2] })
    const channel: ThreadChannel = { thread, sender: new BatchSender(port), openExchanges: 0 }
    const running: RunningThread = {
      channel,
      port,
      task,
      threadId: undefined,
      wasOrdered: false,
      ordered: undefined,
    }
    this.#running.set(thread, running)
    const ended = this.#watch(running)
    const ready = new Promise<void>(resolve => {
      port.on('message', (message: Batch | ThreadReport) => {
        if (isBatch(message)) this.#options.onBatch(channel, message)
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
    order(running.port, { kind: 'snapshot', snapshot: this.#snapshot })
    this.#orderAborts(running)
    this.#channels = [...this.#channels, running.channel]
    this.#options.onReady?.()
  }

  #replaceStalled(): void {
    const alive = this.#channels.map(({ thread }) => [thread, this.#heartbeats.beatsOf(thread)] as const)
    for (const thread of this.#stalls.look(performance.now(), new Map(alive))) {
      this.#stalls.forget(thread)
      this.#options.log.error({ thread }, 'router thread stands still, terminating it')
      this.#terminate(thread).catch((error: unknown) =>
        this.#options.log.error({ thread, err: error }, 'restart'),
      )
    }
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
    const left = takeLeftLegs(this.#options.shared, channel.thread)
    this.#stalls.forget(channel.thread)
    this.#leftCalls.push(...unsentOf(running))
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

function unsentOf({ ordered }: RunningThread): readonly LeftCall[] {
  return ordered !== undefined && performance.now() < ordered.untilMs ? ordered.calls : []
}

function order(port: MessagePort, message: ThreadOrder): void {
  port.postMessage(message)
}

async function afterMs(ms: number): Promise<void> {
  const signal = AbortSignal.timeout(ms)
  await once(signal, 'abort')
}
