/** Runs one plan to its end, or until the signal aborts; the result then holds what has ended so far. */
import { Generators } from './generators.ts'
import type { LoadPlan } from './plan/plan.ts'
import { LoadCollector, type LoadResult } from './records/result.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal
  /** Called a few times a second. */
  readonly onProgress?: (collector: LoadCollector) => void
}

/** Runs the plan in new generator processes. @throws Error when the plan cannot run on this machine. */
export async function runLoad(plan: LoadPlan, options: LoadOptions = {}): Promise<LoadResult> {
  const generators = new Generators(plan.processes)
  try {
    return await runLoadIn(generators, plan, options)
  } finally {
    generators.close()
  }
}

/** Runs the plan in existing generator processes. @throws Error when the plan cannot run on this machine. */
export async function runLoadIn(
  generators: Generators,
  plan: LoadPlan,
  { signal, onProgress }: LoadOptions = {},
): Promise<LoadResult> {
  const collector = new LoadCollector(plan.processes)
  const run = await generators.start(plan, {
    onProgress: (progress, process) => {
      collector.add(progress, process)
      onProgress?.(collector)
    },
  })
  const stop = () => run.stop()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  try {
    await run.done
  } finally {
    signal?.removeEventListener('abort', stop)
  }
  return collector.result(plan, run.startMs, signal?.aborted ?? false)
}
