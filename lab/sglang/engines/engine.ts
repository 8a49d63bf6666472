/** One real SGLang engine: started, killed, stopped and started again at the same address. */
import { join } from 'node:path'
import { Child } from '../../../src/process/child-process.ts'
import { send } from '../../client/request.ts'
import { type EngineRole, engineArguments, engineEnvironment, type Frontend } from './engine-command.ts'
import { enginePort } from './engine-port.ts'

export interface EngineTools {
  readonly python: string
  readonly modelPath: string
  /** Folder for the log of each engine. */
  readonly logFolder: string
  readonly signal: AbortSignal
}

export interface EngineKind {
  /** Unique name in the lab; its log file has it. */
  readonly name: string
  readonly role: EngineRole
  readonly frontend: Frontend
  readonly flags?: readonly string[]
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starting takes 30 s of CPU; a machine that does other work may take several times that. */
const START_LIMIT_MS = 600_000
const PROBE_LIMIT_MS = 25_000

export class Engine {
  readonly kind: EngineKind
  readonly port: number
  readonly bootstrapPort: number
  readonly #tools: EngineTools
  #child: Child | undefined

  private constructor(kind: EngineKind, tools: EngineTools, ports: readonly [number, number]) {
    this.kind = kind
    this.#tools = tools
    ;[this.port, this.bootstrapPort] = ports
  }

  /** Resolves when the engine is healthy. @throws Error with the end of its log if it does not come up. */
  static async start(kind: EngineKind, tools: EngineTools): Promise<Engine> {
    const port = await enginePort()
    const engine = new Engine(kind, tools, [port, kind.frontend === 'rust' ? port : await enginePort()])
    await engine.restart()
    return engine
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child?.isRunning === true
  }

  /** Starts it again after it has ended; resolves when it is healthy. @throws Error as `start`. */
  async restart(): Promise<void> {
    await this.stop()
    const { python, modelPath, logFolder, signal } = this.#tools
    signal.throwIfAborted()
    const { port, bootstrapPort, kind } = this
    this.#child = Child.start({
      program: python,
      args: engineArguments({ ...kind, port, bootstrapPort, modelPath }),
      env: { ...engineEnvironment(kind.frontend), ...kind.env },
      logPath: join(logFolder, `${kind.name}.log`),
      ownGroup: true,
    })
    try {
      await this.#child.untilReady(() => this.#reasonNotReady(), START_LIMIT_MS)
    } catch (error) {
      const tail = this.#child.outputTail()
      await this.stop()
      throw new Error(`Engine ${kind.name} did not start; the end of its log:\n${tail}`, { cause: error })
    }
  }

  /** SIGKILL, SIGSTOP and SIGCONT reach all processes of the engine, SIGTERM its first. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Kills it and waits for its end. */
  async stop(): Promise<void> {
    await this.#child?.stop()
  }

  /** Resolves when the process has ended by itself. @throws Error after `limitMs` */
  async untilEnded(limitMs: number): Promise<void> {
    const child = this.#child
    if (child?.isRunning !== true) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(
      () => reject(new Error(`Engine ${this.kind.name} still runs after ${limitMs / 1000} s`)),
      limitMs,
    )
    child.process.once('exit', () => resolve())
    await promise.finally(() => clearTimeout(timer))
  }

  async #reasonNotReady(): Promise<string | undefined> {
    this.#tools.signal.throwIfAborted()
    const url = `${this.url}/health`
    const { status, end } = await send({ url, method: 'GET', limitMs: PROBE_LIMIT_MS })
    return status === 200 ? undefined : `${url}: ${status === 0 ? end : status}`
  }
}
