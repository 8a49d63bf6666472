/** Who chooses the engine of each request: the load itself, or one or two routers. Each is started for one load. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { FleetProcess } from '../environment/fleet/fleet-process.ts'
import type { PlanInput } from '../load/plan/plan.ts'
import { GATEWAY, type RouterName } from '../routers/loads/names.ts'
import type { PythonEnvironment } from '../routers/start/python-environment.ts'
import { ROUTERS, type Router } from '../routers/start/router-list.ts'
import { RunningRouter } from '../routers/start/running-router.ts'
import type { ChooserName } from './names.ts'

export interface Chooser {
  readonly name: ChooserName
  /** undefined: the load is pinned to the engines. */
  readonly router: Router | undefined
  readonly policy: string
  readonly threads: number
  /** Routers side by side before the same engines. */
  readonly count: number
}

/** Where a load goes, and how to stop what was started for it. */
export interface OpenChooser {
  readonly target: Pick<PlanInput, 'url' | 'otherUrls' | 'pinned'>
  /** Why a router has ended; undefined while all run. */
  exitReason(): string | undefined
  close(): Promise<void>
}

const MAX_CONNECTIONS = 4000

/** What is special about each; the rest is that of the gateway with `cache_aware` and one thread. */
const SPECIAL: Readonly<Record<ChooserName, Partial<Chooser>>> = {
  ideal: { router: undefined, count: 0 },
  gateway: {},
  'gateway-2-threads': { threads: 2 },
  'two-gateways': { count: 2 },
  least_load: { policy: 'least_load' },
  round_robin: { policy: 'round_robin' },
  power_of_two: { policy: 'power_of_two' },
  random: { policy: 'random' },
  'sglang-router': { router: routerNamed('sglang-router') },
  smg: { router: routerNamed('smg') },
}

export function chooserOf(name: ChooserName): Chooser {
  const byDefault = { name, router: routerNamed(GATEWAY), policy: 'cache_aware', threads: 1, count: 1 }
  return { ...byDefault, ...SPECIAL[name] }
}

/** @throws Error when a router is not installed or does not start. */
export async function openChooser(
  chooser: Chooser,
  fleet: FleetProcess,
  { folder, python }: { readonly folder: string; readonly python: PythonEnvironment },
): Promise<OpenChooser> {
  const { router, policy, threads, count } = chooser
  if (router === undefined)
    return { target: pinnedTo(fleet), exitReason: () => undefined, close: () => Promise.resolve() }
  const reason = python.missing.get(router.package?.name ?? '')
  if (reason !== undefined) throw new Error(`not installed: ${reason}`)
  const running: RunningRouter[] = []
  const close = async () => void (await Promise.all(running.map(one => one.close())))
  const options = { engines: fleet, python: python.python, maxConnections: MAX_CONNECTIONS, policy, threads }
  try {
    for (let number = 0; number < count; number++) {
      const own = mkdtempSync(join(folder, 'router-'))
      running.push(await RunningRouter.start(router, { ...options, folder: own }))
    }
  } catch (error) {
    await close()
    throw error
  }
  const [url = '', ...otherUrls] = running.map(one => one.url)
  const exitReason = () => running.map(one => one.exitReason()).find(exit => exit !== undefined)
  return { target: { url, otherUrls }, exitReason, close }
}

function pinnedTo({ prefill, decode, mixed }: FleetProcess): OpenChooser['target'] {
  if (mixed.length > 0) return { url: mixed[0] ?? '', pinned: { kind: 'mixed', urls: [...mixed] } }
  return {
    url: prefill[0]?.url ?? '',
    pinned: { kind: 'pairs', prefill: prefill.map(one => ({ ...one })), decode: [...decode] },
  }
}

function routerNamed(name: RouterName): Router {
  const found = ROUTERS.find(router => router.name === name)
  if (found === undefined) throw new RangeError(`There is no router ${name}`)
  return found
}
