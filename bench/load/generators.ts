/** Runs a plan in generator processes of their own, so that the load does not share a thread with what reports it. */
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

/** Resolves when the load begins. @throws Error when the plan cannot be run here, with what to change. */
export async function startLoad(plan: LoadPlan, listener: LoadListener): Promise<LoadRun> {
  checkDescriptors(plan)
  const children = Array.from({ length: plan.processes }, () => fork(MAIN, [], { serialization: 'advanced' }))
  try {
    const sources = sourceAddresses(plan)
    await Promise.all(
      children.map((child, process) => {
        const share = { process, processes: plan.processes }
        return prepared(child, { kind: 'plan', plan, share, sources })
      }),
    )
  } catch (error) {
    for (const child of children) child.kill('SIGKILL')
    throw error
  }
  const startMs = performance.timeOrigin + performance.now() + START_DELAY_MS
  const ends = children.map((child, process) =>
    ended(child, progress => listener.progress(progress, process)),
  )
  for (const child of children) tell(child, { kind: 'start', atMs: startMs })
  const stop = () => {
    for (const child of children) if (child.connected) tell(child, { kind: 'stop' })
  }
  return { startMs, done: allEnded(children, ends), stop }
}

/** One that dies takes the others with it: half a load measures nothing. */
async function allEnded(children: readonly ChildProcess[], ends: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(ends)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

function prepared(child: ChildProcess, plan: ToGenerator): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onExit = () => reject(new Error('a generator process ended before it was ready'))
  child.once('exit', onExit)
  child.once('message', (message: FromGenerator) => {
    child.off('exit', onExit)
    if (message.kind === 'refused') reject(new Error(message.message))
    else resolve()
  })
  tell(child, plan)
  return promise
}

function ended(child: ChildProcess, onProgress: (progress: Progress) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('exit', code => reject(new Error(`a generator process ended with code ${code}`)))
  child.on('message', (message: FromGenerator) => {
    if (message.kind === 'progress') onProgress(message)
    if (message.kind === 'done') resolve()
  })
  return promise
}

function tell(child: ChildProcess, message: ToGenerator): void {
  child.send(message)
}
