/** Runs plans in generator processes of their own, so that the load does not share a thread with what reports it. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { checkDescriptors } from './descriptors.ts'
import type { LoadPlan } from './plan.ts'
import type { FromGenerator, Progress, ToGenerator } from './process-messages.ts'
import { sourceAddresses } from './source-addresses.ts'

/** All processes begin at the same moment, this long after the last one is ready. */
const START_DELAY_MS = 100
const MAIN = join(import.meta.dirname, 'main.ts')

export interface LoadListener {
  progress(progress: Progress, process: number): void
}

export interface LoadRun {
  /** Unix time, milliseconds. */
  readonly startMs: number
  /** Resolves when all requests have ended. @throws Error when a process dies. */
  readonly done: Promise<void>
  /** Gives up what is open; `done` resolves soon after. */
  stop(): void
}

/** One plan after the other; processes that have run one are warm for the next. */
export class Generators {
  readonly #children: readonly ChildProcess[]

  constructor(processes: number) {
    this.#children = Array.from({ length: processes }, () => fork(MAIN, [], { serialization: 'advanced' }))
  }

  /** Resolves when the load begins. @throws Error when the plan cannot be run here, with what to change. */
  async start(plan: LoadPlan, listener: LoadListener): Promise<LoadRun> {
    const children = this.#children
    if (plan.processes !== children.length) throw new RangeError('a plan names the processes that there are')
    checkDescriptors(plan)
    const sources = sourceAddresses(plan)
    await Promise.all(
      children.map((child, process) => {
        const share = { process, processes: plan.processes }
        return prepared(child, { kind: 'plan', plan, share, sources })
      }),
    )
    const startMs = performance.timeOrigin + performance.now() + START_DELAY_MS
    const ends = children.map((child, process) =>
      ended(child, progress => listener.progress(progress, process)),
    )
    for (const child of children) tell(child, { kind: 'start', atMs: startMs })
    const stop = () => {
      for (const child of children) if (child.connected) tell(child, { kind: 'stop' })
    }
    return { startMs, done: Promise.all(ends).then(() => undefined), stop }
  }

  /** One that dies takes the others with it: half a load measures nothing. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL')
  }
}

function prepared(child: ChildProcess, plan: ToGenerator): Promise<void> {
  return untilTold(child, 'a generator process ended before it was ready', plan, (message, settle) => {
    if (message.kind === 'refused') settle(new Error(message.message))
    if (message.kind === 'ready') settle()
  })
}

function ended(child: ChildProcess, onProgress: (progress: Progress) => void): Promise<void> {
  return untilTold(child, 'a generator process died', undefined, (message, settle) => {
    if (message.kind === 'progress') onProgress(message)
    if (message.kind === 'done') settle()
  })
}

/** `take` is told of every message until it settles: with an error, or without one. */
function untilTold(
  child: ChildProcess,
  death: string,
  question: ToGenerator | undefined,
  take: (message: FromGenerator, settle: (error?: Error) => void) => void,
): Promise<void> {
  if (!child.connected) return Promise.reject(new Error(death))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onExit = () => reject(new Error(death))
  const onMessage = (message: FromGenerator) =>
    take(message, error => {
      child.off('exit', onExit)
      child.off('message', onMessage)
      if (error === undefined) resolve()
      else reject(error)
    })
  child.once('exit', onExit)
  child.on('message', onMessage)
  if (question !== undefined) tell(child, question)
  return promise
}

function tell(child: ChildProcess, message: ToGenerator): void {
  child.send(message)
}
