/** Child processes of a bench run: started on a given core, and ended by their own ids however the run ends. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { closeSync, openSync } from 'node:fs'

export interface Command {
  /** Unset: any. */
  readonly core?: number
  readonly program: string
  readonly args: readonly string[]
  /** File that takes all that it prints; without it, what it says on its error stream goes to ours. */
  readonly logPath?: string
}

/** A finished program's output. */
export interface Finished {
  readonly code: number | null
  readonly output: string
}

/** The core of the process under test, and the core of what loads it. */
export const TARGET_CORE = 0
export const LOAD_CORE = 1

export class Children {
  readonly #running = new Set<ChildProcess>()

  /** Ends all children when this process ends in any way but SIGKILL; a signal that nobody else heeds ends it. */
  stopAtExit(): void {
    process.on('exit', () => this.stop())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(130))
  }

  /** taskset becomes the program, so that the child's id is the program's. Standard output can be read. */
  start({ core, program, args, logPath }: Command): ChildProcess {
    const log = logPath === undefined ? undefined : openSync(logPath, 'a')
    const stdio: StdioOptions = ['ignore', log ?? 'pipe', log ?? 'pipe']
    const child =
      core === undefined
        ? spawn(program, args, { stdio })
        : spawn('taskset', ['-c', String(core), program, ...args], { stdio })
    if (log !== undefined) closeSync(log)
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    child.stderr?.on('data', (part: Buffer) => process.stderr.write(part))
    return child
  }

  /** Ends one of them, and waits until it is gone. */
  async end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  /** Runs a program to its end, at most `limitMs`. */
  async run(command: Command, limitMs: number): Promise<Finished> {
    const child = this.start(command)
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
    let output = ''
    child.stdout?.on('data', (part: Buffer) => {
      output += part.toString()
    })
    await once(child, 'close')
    clearTimeout(timer)
    return { code: child.exitCode, output }
  }

  /** All at once: nothing of a bench is worth a graceful end. */
  stop(): void {
    for (const child of this.#running) child.kill('SIGKILL')
  }
}

/** Resolves with the child's first line of output. @throws Error when it ends before, or after `limitMs`. */
export async function firstLine(child: ChildProcess, limitMs: number): Promise<string> {
  const stdout = child.stdout
  if (stdout === null) throw new TypeError('the child has no standard output')
  const signal = AbortSignal.timeout(limitMs)
  let output = ''
  for await (const [part] of on(stdout, 'data', { signal, close: ['close'] })) {
    output += String(part)
    const end = output.indexOf('\n')
    if (end >= 0) return output.slice(0, end)
  }
  throw new Error('a child ended before it was ready')
}
