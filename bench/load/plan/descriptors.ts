/** Checks before a run that the generator processes may open as many sockets as the plan needs. */
import { openFilesLimit } from '../../../src/process/descriptor-budget.ts'
import { readLimits } from '../../../src/process/descriptor-limits.ts'
import type { LoadPlan } from './plan.ts'

/** Other descriptors of a process: modules, IPC channel, standard streams. */
const RESERVE = 64

/** @throws Error that says which limit to raise. */
export function checkDescriptors(plan: LoadPlan, limit = openFilesLimit(readLimits())): void {
  const needed = socketsOf(plan) + RESERVE
  if (needed <= limit) return
  const processes = Math.ceil((socketsOf(plan) * plan.processes) / Math.max(1, limit - RESERVE))
  throw new Error(
    `Each generator process needs ${needed} open files, but the limit is ${limit}: ` +
      `raise it (ulimit -n ${needed}), use --processes ${processes}, or lower the concurrency`,
  )
}

/** The most sockets that one process has open at once. */
function socketsOf({ arrivals, requests, processes }: LoadPlan): number {
  const concurrency = arrivals.kind === 'closed' ? arrivals.concurrency : (arrivals.maxConcurrency ?? 0)
  return Math.ceil(Math.min(requests, concurrency) / processes)
}
