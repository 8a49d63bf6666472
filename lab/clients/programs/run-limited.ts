/** Runs one program of a user to its end, within a time limit. */
import { Child, type ChildOptions } from '../../../src/process/child-process.ts'

export interface LimitedRun extends Pick<ChildOptions, 'program' | 'args' | 'cwd' | 'env'> {
  readonly limitMs: number
  readonly signal: AbortSignal
}

export interface Ended {
  readonly exitReason: string
  readonly stdout: string
  /** The last 8 KiB of standard error. */
  readonly stderr: string
}

/**
 * Resolves when the program has ended, whatever its exit code. It and its children are killed when the limit has passed
 * or the lab is interrupted.
 * @throws Error if it could not be started, or has not ended within the limit.
 */
export async function runLimited({ limitMs, signal, ...command }: LimitedRun): Promise<Ended> {
  signal.throwIfAborted()
  const limit = AbortSignal.timeout(limitMs)
  const child = Child.start({ ...command, stdout: 'pipe', holdErrors: true, ownGroup: true })
  const stdout = await child.untilEnd(AbortSignal.any([signal, limit]))
  signal.throwIfAborted()
  const stderr = child.outputTail()
  if (limit.aborted) {
    const end = `${stdout}\n${stderr}`.trim().slice(-500)
    throw new Error(
      `${command.program} has not ended within ${limitMs / 1000} s; the end of its output: ${end}`,
    )
  }
  return { exitReason: child.exitReason, stdout, stderr }
}

/** As `runLimited`, for a program that must succeed. @throws Error with the end of its output if it does not. */
export async function runSuccessfully(run: LimitedRun): Promise<string> {
  const { exitReason, stdout, stderr } = await runLimited(run)
  if (exitReason === 'code 0') return stdout
  const command = [run.program, ...run.args].join(' ')
  throw new Error(
    `${command} failed (${exitReason}); the end of its output: ${`${stdout}\n${stderr}`.trim().slice(-1500)}`,
  )
}
