/** Runs one plan from its start to its end, or until the signal says enough: then with what has ended by then. */
import { startLoad } from './generators.ts'
import type { LoadPlan } from './plan.ts'
import { LoadCollector, type LoadResult } from './result.ts'

export interface LoadOptions {
  readonly signal?: AbortSignal
  /** Called a few times a second. */
  readonly onProgress?: (collector: LoadCollector) => void
}

/** @throws Error when the plan cannot be run here. */
export async function runLoad(plan: LoadPlan, options: LoadOptions = {}): Promise<LoadResult> {
  const { signal, onProgress } = options
  const collector = new LoadCollector(plan.processes)
  const run = await startLoad(plan, {
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
