/** Requests before a load that do not count: they open connections, fill caches and get code compiled. */
import type { LoadPlan } from '../load/plan/plan.ts'
import { runLoad } from '../load/run-load.ts'

/** Low, so that the warm-up does not disturb the load that follows. */
const CONCURRENCY = 8

export async function warmUp(
  plan: LoadPlan | undefined,
  requests: number,
  signal: AbortSignal,
): Promise<void> {
  if (plan === undefined || requests === 0) return
  const arrivals = { kind: 'closed', concurrency: Math.min(requests, CONCURRENCY) } as const
  const { durationMs: _none, ...rest } = plan
  await runLoad({ ...rest, requests, arrivals, processes: 1, leaveShare: 0 }, { signal })
}
