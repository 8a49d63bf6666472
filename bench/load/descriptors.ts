/** Whether the generator processes may open as many sockets as the plan needs: asked before, not after the run. */
import { readFileSync } from 'node:fs'
import type { LoadPlan } from './plan.ts'

/** What a process has open besides: modules, channel, standard streams. */
const RESERVE = 64

/** @throws Error with what to raise. */
export function checkDescriptors(plan: LoadPlan, limit = descriptorLimit()): void {
  const needed = socketsOf(plan) + RESERVE
  if (needed <= limit) return
  const processes = Math.ceil((socketsOf(plan) * plan.processes) / Math.max(1, limit - RESERVE))
  throw new Error(
    `a generator process needs ${needed} open files and may have ${limit}: ` +
      `raise the limit (ulimit -n ${needed}), take --processes ${processes}, or ask for fewer at a time`,
  )
}

/** Most sockets that one process has open at a time. */
function socketsOf({ arrivals, requests, processes }: LoadPlan): number {
  const atOnce = arrivals.kind === 'closed' ? arrivals.concurrency : (arrivals.maxConcurrency ?? 0)
  return Math.ceil(Math.min(requests, atOnce) / processes)
}

/** Infinity where the system does not say. Node itself raises the soft limit to the hard one. */
export function descriptorLimit(): number {
  try {
    const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return hard === undefined || hard === 'unlimited' ? Infinity : Number(hard)
  } catch {
    return Infinity
  }
}
