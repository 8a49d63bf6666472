/** Runs one plan from its start to its end, or until the signal says enough: then with what has ended by then. */
import { Generators } from './generators.ts'
import type { LoadPlan } from './plan.ts'
import { LoadCollector, type LoadResult } from './result.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal
  /** Called a few times a second. */
  readonly onProgress?: (collector: LoadCollector) => void
}

/** In processes of its own. @throws Error when the plan cannot be run here. */
export async function runLoad(plan: LoadPlan, options: LoadOptions = {}): Promise<LoadResult> {
  const generators = new Generators(plan.processes)
  try {
    return await runLoadIn(generators, plan, options)
  } finally {
    generators.close()
  }
}

/** In processes that are there. @throws Error when the plan cannot be run here. */
export async function runLoadIn(
  generators: Generators,
  plan: LoadPlan,
  { signal, onProgress }: LoadOptions = {},
): Promise<LoadResult> {
  const collector = new LoadCollector(plan.processes)
  const run = await generators.start(plan, {
    progress: (progress, process) => {
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
