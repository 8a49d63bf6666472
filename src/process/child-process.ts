/**
 * One child process from its start to its end: spawns it, waits until it is ready, keeps the tail of what it printed,
 * and stops it.
 *
 * A child never outlives this process, short of a SIGKILL: children that still run are killed when this process exits.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { isForGroup, killGroup } from './process-group.ts'
import { limiterOf, type ProcessLimits } from './process-limits.ts'
import { killAtExit } from './running-children.ts'

export interface ChildOptions extends ProcessLimits {
  readonly program: string
  readonly args: readonly string[]
  /** Working directory; unset: that of this process. */
  readonly cwd?: string
  /** `pipe`: readable through `stdout`; a number: a descriptor of this process. Default: `ignore`. */
  readonly stdout?: 'pipe' | 'inherit' | 'ignore' | number
  /** Environment variables in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Gives it a process group of its own, which Ctrl-C does not reach and which is killed when the child ends. */
  readonly ownGroup?: boolean
  /** Holds standard error back until `passErrorsOn` is called; by default it is passed on as it comes. */
  readonly holdErrors?: boolean
  /** File to which both output streams are appended instead. */
  readonly logPath?: string
  /** Opens an IPC channel for `send` and `firstMessage`. */
  readonly channel?: boolean
}

const TAIL_BYTES = 8192
const POLL_INTERVAL_MS = 50

export class Child {
  readonly #child: ChildProcess
  readonly #program: string
  readonly #logPath: string | undefined
  readonly #ownGroup: boolean
  #stderrTail = ''
  #holdErrors: boolean
  #spawnError: Error | undefined

  private constructor(child: ChildProcess, options: ChildOptions) {
    const { program, logPath, holdErrors = false, ownGroup = false } = options
    this.#child = child
    this.#program = program
    this.#logPath = logPath
    this.#ownGroup = ownGroup
    this.#holdErrors = holdErrors
    killAtExit(child, () => this.kill('SIGKILL'))
    if (ownGroup) child.once('exit', () => this.kill('SIGKILL'))
    child.once('error', error => (this.#spawnError ??= error))
    child.stderr?.on('data', (part: Buffer) => this.#onStderr(part))
  }

  static start(options: ChildOptions): Child {
    const { program, args, cwd, logPath, env, ownGroup = false } = options
    const log = logPath === undefined ? undefined : openSync(logPath, 'a')
    const [file = '', ...rest] = [...limiterOf(options), program, ...args]
    try {
      const spawned = spawn(file, rest, {
        stdio: stdioOf(options, log),
        serialization: 'advanced',
        detached: ownGroup,
        ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
        ...(cwd === undefined ? {} : { cwd }),
      })
      return new Child(spawned, options)
    } finally {
      if (log !== undefined) closeSync(log)
    }
  }

  /** The process itself, for what this class does not offer. */
  get process(): ChildProcess {
    return this.#child
  }

  /** 0 when the program could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isRunning(): boolean {
    const { exitCode, signalCode } = this.#child
    return this.#spawnError === undefined && exitCode === null && signalCode === null
  }

  /** Whether the IPC channel is open. */
  get isConnected(): boolean {
    return this.#child.connected
  }

  get stdout(): Readable {
    const { stdout } = this.#child
    if (stdout === null) throw new TypeError(`The standard output of ${this.#program} is not a pipe`)
    return stdout
  }

  /** Why the child is not running, for example `code 1` or `SIGKILL`; only meaningful once it has ended. */
  get exitReason(): string {
    const { exitCode, signalCode } = this.#child
    return this.#spawnError?.message ?? signalCode ?? `code ${exitCode}`
  }

  /** The last 8 KiB of standard error, or of the log file. */
  outputTail(): string {
    return this.#logPath === undefined ? this.#stderrTail : fileTail(this.#logPath)
  }

  /** Writes what the child prints on standard error to ours from now on. What was held back is not written. */
  passErrorsOn(): void {
    this.#holdErrors = false
  }

  send(message: object): void {
    this.#child.send(message)
  }

  /**
   * Calls `probe` until it returns undefined; what it returns instead is the reason why the child is not ready.
   * @throws Error after `limitMs`, or when the child ends first; whatever `probe` throws.
   */
  async untilReady(probe: () => Promise<string | undefined>, limitMs: number): Promise<void> {
    const giveUpMs = performance.now() + limitMs
    for (;;) {
      const reason = await probe()
      if (reason === undefined) return
      if (!this.isRunning) throw new Error(`${this.#program} ended before it was ready: ${this.exitReason}`)
      if (performance.now() > giveUpMs)
        throw new Error(`${this.#program} was not ready within ${limitMs / 1000} s: ${reason}`)
      await delay(POLL_INTERVAL_MS)
    }
  }

  /** Resolves with the first line of standard output. @throws Error when the child ends first, or after `limitMs`. */
  async firstLine(limitMs: number): Promise<string> {
    let output = ''
    const options = { signal: AbortSignal.timeout(limitMs), close: ['close'] }
    for await (const [part] of on(this.stdout, 'data', options)) {
      output += String(part)
      const end = output.indexOf('\n')
      if (end >= 0) return output.slice(0, end)
    }
    throw new Error(`${this.#program} ended before it was ready`)
  }

  /** Collects standard output until the child ends. `signal` kills it. */
  async untilEnd(signal: AbortSignal): Promise<string> {
    let output = ''
    const kill = () => this.kill('SIGKILL')
    this.stdout.on('data', (part: Buffer) => (output += part.toString()))
    signal.addEventListener('abort', kill)
    if (signal.aborted) kill()
    // A program that could not be started closes too, after its error.
    await once(this.#child, 'close').catch(() => undefined)
    signal.removeEventListener('abort', kill)
    if (this.#spawnError !== undefined) throw this.#spawnError
    return output
  }

  /**
   * Passes each message of the child to `take` until it returns something other than undefined, and resolves with that.
   * `question` is sent first. @throws Error when the child ends first; whatever `take` throws.
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what its child sends
  async firstMessage<M, T>(take: (message: M) => T | undefined, question?: object): Promise<T> {
    if (!this.isConnected) throw new Error(this.exitReason)
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const onExit = () => reject(new Error(this.exitReason))
    const onMessage = (message: unknown) => {
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends of the channel are this build
        const value = take(message as M)
        if (value !== undefined) resolve(value)
      } catch (error) {
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it was thrown
        reject(error)
      }
    }
    this.#child.once('exit', onExit)
    this.#child.on('message', onMessage)
    if (question !== undefined) this.send(question)
    try {
      return await promise
    } finally {
      this.#child.off('exit', onExit)
      this.#child.off('message', onMessage)
    }
  }

  /** If the child has a process group of its own, SIGKILL, SIGSTOP and SIGCONT reach the whole group. */
  kill(signal: NodeJS.Signals): void {
    if (this.#ownGroup && isForGroup(signal)) killGroup(this.pid, signal)
    else this.#child.kill(signal)
  }

  /** Resolves when the child has ended. SIGTERM first and SIGKILL after `graceMs`; without it SIGKILL at once. */
  async stop(graceMs = 0): Promise<void> {
    if (!this.isRunning) return
    const exit = once(this.#child, 'exit')
    this.kill(graceMs > 0 ? 'SIGTERM' : 'SIGKILL')
    const timer = setTimeout(() => this.kill('SIGKILL'), graceMs)
    await exit
    clearTimeout(timer)
  }

  #onStderr(part: Buffer): void {
    this.#stderrTail = `${this.#stderrTail}${part.toString()}`.slice(-TAIL_BYTES)
    if (!this.#holdErrors) process.stderr.write(part)
  }
}

/** The command line that runs a module in a Node process with the flags of this one. */
export function nodeCommand(
  modulePath: string,
  args: readonly string[] = [],
): Pick<ChildOptions, 'program' | 'args'> {
  return { program: process.execPath, args: [...process.execArgv, modulePath, ...args] }
}

function stdioOf(
  { stdout = 'ignore', channel = false }: ChildOptions,
  log: number | undefined,
): StdioOptions {
  const streams = log === undefined ? (['ignore', stdout, 'pipe'] as const) : (['ignore', log, log] as const)
  return channel ? [...streams, 'ipc'] : [...streams]
}

/** Reads no more than the tail: a router that logs an error per request writes a large file. */
function fileTail(path: string): string {
  const { size } = statSync(path)
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
  const file = openSync(path, 'r')
  readSync(file, bytes, 0, bytes.length, size - bytes.length)
  closeSync(file)
  return bytes.toString()
}
