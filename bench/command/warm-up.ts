/** Requests before a load that count for nothing: connections, caches and compiled code are there when it begins. */
import type { LoadPlan } from '../load/plan.ts'
import { runLoad } from '../load/run-load.ts'

/** Few at a time, as a load that is to come would be hurt by what it warms up. */
const AT_ONCE = 8

export async function warmUp(
  plan: LoadPlan | undefined,
  requests: number,
  signal: AbortSignal,
): Promise<void> {
  if (plan === undefined || requests === 0) return
  const arrivals = { kind: 'closed', concurrency: Math.min(requests, AT_ONCE) } as const
  const { durationMs: _none, ...rest } = plan
  await runLoad({ ...rest, requests, arrivals, processes: 1, leaveShare: 0 }, { signal })
}
