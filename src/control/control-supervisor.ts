/**
 * Supervises the control thread: starts it, forwards its snapshots, replaces it when it dies, and closes it.
 *
 * The control thread exists so that probes stay on time however busy the front end is.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import { type EngineSnapshot, type LostEngine, NO_ENGINES } from '../core/engine.ts'
import type { SharedMemory } from '../shared/layout.ts'
import { createLogger, type Logger } from '../telemetry/log.ts'
import type { ControlOrder, ControlReport, ControlTask } from './control-messages.ts'

export interface ControlOptions {
  readonly config: Config
  readonly shared: SharedMemory
  readonly log?: Logger
  /** Entry module of the thread. */
  readonly entry: URL
  /** Called with each new snapshot. The first one, at the start, is empty. */
  readonly onSnapshot: (snapshot: EngineSnapshot) => void
  /** Called, also repeatedly, for an engine that requests need not wait for any longer. */
  readonly onLost?: (lost: LostEngine) => void
  /** Called with the number of engines that have not responded yet, when it changes. It begins with 0. */
  readonly onJoining?: (count: number) => void
  /** Called when the thread has ended unexpectedly and is about to be replaced. */
  readonly onRestart?: () => void
  /** Called when an operator has requested a restart of the router thread. */
  readonly onRestartThread?: (thread: number) => void
}

export interface Control {
  /** Port of the admin listener. A replaced thread keeps it. */
  readonly adminPort: number
  /** The gateway listens on this port for clients, so no engine can be there. */
  notePort(port: number): void
  /** Asks all engines for their models now. */
  refreshModels(): void
  /** Makes `/readiness` of the admin listener fail from now on. */
  refuseReadiness(): void
  /** Stops all probes and the thread. */
  close(): Promise<void>
}

const RESTART_PAUSE_MS = 500
/** The control thread allocates little, so it needs less space for new objects than a router thread. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 4 }
const CLOSE_LIMIT_MS = 2000

/**
 * Resolves once the admin listener is open. Engines join the snapshots when they respond.
 *
 * @throws Error that says why the thread cannot listen
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  const supervisor = new ControlSupervisor(options)
  await supervisor.start()
  return supervisor
}

class ControlSupervisor implements Control {
  readonly #options: ControlOptions
  readonly #log: Logger
  #thread: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #isClosing = false
  /** The thread has listened once. From then on a thread that ends is replaced. */
  #isListening = false
  #adminPort: number
  readonly #listening = Promise.withResolvers<void>()
  #known: EngineSnapshot = NO_ENGINES
  #removed: readonly string[] = []
  #isDraining = false
  #port: number

  constructor(options: ControlOptions) {
    this.#options = options
    this.#adminPort = options.config.admin.port
    this.#port = options.config.server.port
    this.#log = options.log ?? createLogger(options.config.log, 'control')
  }

  async start(): Promise<void> {
    this.#spawn()
    try {
      await this.#listening.promise
    } catch (error) {
      await this.close()
      throw error
    }
  }

  get adminPort(): number {
    return this.#adminPort
  }

  notePort(port: number): void {
    this.#port = port
    this.#order({ kind: 'port', port })
  }

  refreshModels(): void {
    this.#order({ kind: 'refresh' })
  }

  refuseReadiness(): void {
    this.#isDraining = true
    this.#order({ kind: 'drain' })
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    const thread = this.#thread
    if (!thread) return
    const exit = once(thread, 'exit')
    this.#order({ kind: 'close' })
    const limit = setTimeout(() => void thread.terminate(), CLOSE_LIMIT_MS)
    await exit
    clearTimeout(limit)
  }

  #order(order: ControlOrder): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#thread?.postMessage(order)
  }

  #spawn(): Worker {
    const { config, shared } = this.#options
    const workerData: ControlTask = {
      config,
      shared,
      known: this.#known,
      removed: this.#removed,
      isDraining: this.#isDraining,
      adminPort: this.#adminPort,
      port: this.#port,
    }
    const thread = new Worker(this.#options.entry, {
      workerData,
      name: 'control',
      resourceLimits: HEAP_LIMITS,
    })
    thread.on('message', (report: ControlReport) => this.#onReport(report))
    thread.on('error', error => {
      this.#listening.reject(error)
      if (this.#isListening) this.#log.error({ error }, 'control thread failed, starting another')
    })
    thread.once('exit', () => this.#onExit())
    this.#thread = thread
    return thread
  }

  #onReport(report: ControlReport): void {
    switch (report.kind) {
      case 'listening':
        this.#adminPort = report.adminPort
        this.#isListening = true
        return this.#listening.resolve()
      case 'restart-thread':
        return this.#options.onRestartThread?.(report.thread)
      case 'removed':
        this.#removed = report.keys
        return
      case 'lost':
        return this.#options.onLost?.(report.lost)
      case 'joining':
        return this.#options.onJoining?.(report.count)
      case 'snapshot':
        this.#known = report.snapshot
        return this.#options.onSnapshot(report.snapshot)
    }
  }

  #onExit(): void {
    this.#thread = undefined
    if (this.#isClosing || !this.#isListening) return
    // The next thread counts from 0.
    this.#options.onJoining?.(0)
    this.#options.onRestart?.()
    this.#restart = setTimeout(() => this.#spawn(), RESTART_PAUSE_MS)
  }
}
