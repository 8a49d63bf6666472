/** Runs wrk, which loads a target from one thread and checks only the status of a response. */
import { Child, type ChildOptions } from '../../src/process/child-process.ts'
import { parseWrkOutput, type WrkResult, type WrkRun, wrkArguments } from './wrk.ts'

/** wrk hangs when it runs for this long beyond its time. */
const GRACE_MS = 40_000

/** @throws Error when wrk prints no result, hangs, or `signal` aborts. */
export async function runWrk(
  run: WrkRun,
  signal: AbortSignal,
  options: Pick<ChildOptions, 'core'> = {},
): Promise<WrkResult> {
  const limit = AbortSignal.timeout(run.seconds * 1000 + GRACE_MS)
  const wrk = Child.start({ program: 'wrk', args: wrkArguments(run), ...options, stdout: 'pipe' })
  return parseWrkOutput(await wrk.untilEnd(AbortSignal.any([signal, limit])))
}
