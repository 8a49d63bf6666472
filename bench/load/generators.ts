/** Runs plans in generator processes, so that generating the load does not share a thread with reporting it. */
import { join } from 'node:path'
import { messageOf } from '../../src/core/text/error-text.ts'
import { Child, nodeCommand } from '../../src/process/child-process.ts'
import { sourceAddresses } from './connections/source-addresses.ts'
import type { FromGenerator, ToGenerator } from './generator/process-messages.ts'
import { checkDescriptors } from './plan/descriptors.ts'
import type { LoadPlan } from './plan/plan.ts'
import type { GeneratorProgress } from './records/progress.ts'

/** All processes start at the same moment, this long after the last one is ready. */
const START_DELAY_MS = 100
const MAIN = join(import.meta.dirname, 'generator', 'main.ts')

export interface LoadListener {
  onProgress(progress: GeneratorProgress, process: number): void
}

export interface LoadRun {
  /** Unix time in milliseconds. */
  readonly startMs: number
  /** Resolves when all requests have ended. @throws Error when a process dies. */
  readonly done: Promise<void>
  /** Abandons open requests; `done` resolves soon after. */
  stop(): void
}

/** Runs one plan after another; processes that have run one are warm for the next. */
export class Generators {
  readonly #children: readonly Child[]

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () =>
      Child.start({ ...nodeCommand(MAIN), stdout: 'inherit', channel: true }),
    )
  }

  /** Resolves when the load starts. @throws Error that says what to change, when the plan cannot run on this machine. */
  async start(plan: LoadPlan, listener: LoadListener): Promise<LoadRun> {
    const children = this.#children
    if (plan.processes !== children.length)
      throw new RangeError(`The plan needs ${plan.processes} processes, there are ${children.length}`)
    checkDescriptors(plan)
    const sources = sourceAddresses(plan)
    await Promise.all(
      children.map((child, process) => {
        const share = { process, processes: plan.processes }
        return untilPrepared(child, { kind: 'plan', plan, share, sources })
      }),
    )
    const startMs = performance.timeOrigin + performance.now() + START_DELAY_MS
    const ends = children.map((child, process) =>
      untilDone(child, progress => listener.onProgress(progress, process)),
    )
    for (const child of children) send(child, { kind: 'start', atMs: startMs })
    const stop = () => {
      for (const child of children) if (child.isConnected) send(child, { kind: 'stop' })
    }
    return { startMs, done: Promise.all(ends).then(() => undefined), stop }
  }

  /** Kills the processes. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

function untilPrepared(child: Child, plan: ToGenerator): Promise<true> {
  const prepared = child.firstMessage((message: FromGenerator) => {
    if (message.kind === 'refused') throw new Error(message.message)
    return message.kind === 'ready' || undefined
  }, plan)
  return withoutExit(child, prepared, 'A generator process ended before it was ready')
}

function untilDone(child: Child, onProgress: (progress: GeneratorProgress) => void): Promise<true> {
  const done = child.firstMessage((message: FromGenerator) => {
    if (message.kind === 'progress') onProgress(message)
    return message.kind === 'done' || undefined
  })
  return withoutExit(child, done, 'A generator process ended during the load')
}

/** Half a load measures nothing, so the end of one process fails the run. */
async function withoutExit<T>(child: Child, message: Promise<T>, failure: string): Promise<T> {
  try {
    return await message
  } catch (error) {
    throw child.isRunning ? error : new Error(`${failure}: ${messageOf(error)}`, { cause: error })
  }
}

function send(child: Child, message: ToGenerator): void {
  child.send(message)
}
