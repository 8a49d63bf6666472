/**
 * Changes that make a gateway's predictions wrong: while a load runs, one engine drops its cache and another is replaced by
 * a new one. Measures how far the gateway's predictions are from what the engines report before, after and later.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EngineAdmin } from '../environment/engine-admin.ts'
import { FleetProcess } from '../environment/fleet/fleet-process.ts'
import { GatewayProcess } from '../environment/gateway-process.ts'
import { planSchema } from '../load/plan/plan.ts'
import { runLoad } from '../load/run-load.ts'
import { predictionGap, promptCounts } from './prediction.ts'
import { CHANGED_FLEET, CHANGED_LOAD } from './workloads.ts'

export interface ChangesResult {
  /**
   * The predicted minus the reported share of cached tokens in percentage points, over the 5 s before the changes, the 5 s
   * after them and the 5 s after those; undefined if the gateway counted no prompt.
   */
  readonly gapBefore: number | undefined
  readonly gapAfter: number | undefined
  readonly gapLater: number | undefined
  /** Requests whose response was not correct. */
  readonly lost: number
}

const WINDOW_MS = 5000

/** `settleMs` is how long the load runs before the first measurement. @throws Error when something does not start. */
export async function runChanges(settleMs: number, signal: AbortSignal): Promise<ChangesResult> {
  const fleet = await FleetProcess.start(CHANGED_FLEET)
  try {
    const [newcomer = '', ...urls] = fleet.mixed
    const gateway = await GatewayProcess.start({ mixed: urls }, ['--policy', 'cache_aware', '--workers', '1'])
    try {
      const end = new AbortController()
      const plan = planSchema.parse({ ...CHANGED_LOAD, url: gateway.url })
      const load = runLoad(plan, { signal: AbortSignal.any([signal, end.signal]) })
      const gaps = await gapsDuring({ fleet, gateway, newcomer, settleMs, signal }).finally(() => end.abort())
      const { records } = await load
      return { ...gaps, lost: records.filter(({ outcome }) => outcome !== 'ok').length }
    } finally {
      await gateway.close()
    }
  } finally {
    await fleet.close()
  }
}

interface Changed {
  readonly fleet: FleetProcess
  readonly gateway: GatewayProcess
  /** URL of an engine that the gateway does not know. */
  readonly newcomer: string
  readonly settleMs: number
  readonly signal: AbortSignal
}

async function gapsDuring({ fleet, gateway, newcomer, settleMs, signal }: Changed) {
  const counts = async () => promptCounts(await gateway.metrics())
  const pause = (ms: number) => delay(ms, undefined, { signal })
  const [flushed = '', replaced = ''] = fleet.mixed.filter(url => url !== newcomer)
  await pause(settleMs)
  const first = await counts()
  await pause(WINDOW_MS)
  const changed = await counts()
  fleet.dropCache(flushed)
  const admin = new EngineAdmin(gateway.adminUrl)
  // The old engine drains meanwhile.
  const done = Promise.all([
    admin.remove({ url: replaced, role: 'mixed' }),
    admin.add({ url: newcomer, role: 'mixed' }),
  ])
  await pause(WINDOW_MS)
  await done
  const after = await counts()
  await pause(WINDOW_MS)
  const last = await counts()
  return {
    gapBefore: predictionGap(first, changed),
    gapAfter: predictionGap(changed, after),
    gapLater: predictionGap(after, last),
  }
}
