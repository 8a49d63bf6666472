/** Runs a program to its end, with its output in a log file. */
import { once } from 'node:events'
import { Child, type ChildOptions } from '../../src/process/child-process.ts'

/**
 * Resolves when the program ends with code 0. `signal` kills it.
 * @throws Error with the end of its output if it ends in another way, or cannot be started.
 */
export async function runProgram(
  options: ChildOptions & { readonly logPath: string },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const child = Child.start({ ...options, ownGroup: true })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  try {
    // A program that could not be started closes too, after its error.
    await once(child.process, 'close').catch(() => undefined)
  } finally {
    signal.removeEventListener('abort', kill)
  }
  signal.throwIfAborted()
  if (child.exitReason === 'code 0') return
  const command = [options.program, ...options.args].join(' ')
  throw new Error(
    `${command} failed (${child.exitReason}); the end of ${options.logPath}:\n${child.outputTail()}`,
  )
}
