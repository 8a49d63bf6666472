/**
 * Runs the control thread: starts it, passes on its snapshots, starts another when it dies, closes it.
 *
 * It is a thread of its own so that probes stay on time however busy the front end is.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import { type EngineSnapshot, NO_ENGINES } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'
import { createLogger, type Logger } from '../telemetry/log.ts'
import type { ControlOrder, ControlReport, ControlTask } from './control-messages.ts'

export interface ControlOptions {
  readonly config: Config
  readonly shared: SharedMemory
  readonly log?: Logger
  /** Called with each new set of engines; the first one, at the start, is empty. */
  readonly onSnapshot: (snapshot: EngineSnapshot) => void
}

export interface Control {
  /** Ends all probes and the thread. */
  close(): Promise<void>
}

const RESTART_PAUSE_MS = 500
const CLOSE_LIMIT_MS = 2000

/** Resolves when the thread runs; engines join the snapshots as they answer. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const supervisor = new Supervisor(options)
  await supervisor.start()
  return supervisor
}

class Supervisor implements Control {
  readonly #options: ControlOptions
  readonly #log: Logger
  #thread: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #isClosing = false
  #known: EngineSnapshot = NO_ENGINES

  constructor(options: ControlOptions) {
    this.#options = options
    this.#log = options.log ?? createLogger(options.config.log, 'control')
  }

  async start(): Promise<void> {
    await once(this.#spawn(), 'online')
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    const thread = this.#thread
    if (!thread) return
    const exit = once(thread, 'exit')
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage({ kind: 'close' } satisfies ControlOrder)
    const limit = setTimeout(() => void thread.terminate(), CLOSE_LIMIT_MS)
    await exit
    clearTimeout(limit)
  }

  #spawn(): Worker {
    const { config, shared } = this.#options
    const workerData: ControlTask = { config, shared, known: this.#known }
    const thread = new Worker(new URL('control-thread.ts', import.meta.url), { workerData, name: 'control' })
    thread.on('message', (report: ControlReport) => this.#onReport(report))
    thread.on('error', error => this.#log.error({ error }, 'control thread failed'))
    thread.once('exit', () => this.#onExit())
    this.#thread = thread
    return thread
  }

  #onReport({ snapshot }: ControlReport): void {
    this.#known = snapshot
    this.#options.onSnapshot(snapshot)
  }

  #onExit(): void {
    this.#thread = undefined
    if (this.#isClosing) return
    this.#restart = setTimeout(() => this.#spawn(), RESTART_PAUSE_MS)
  }
}
