/** Where loads are played: engines with all routers up before them, each ended again. */

import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../src/core/error-text.ts'
import type { Children } from '../../speed/children.ts'
import type { PdEngines } from '../start/gateway.ts'
import { cannedEngines, startEngines, urlOf } from '../start/canned-engines.ts'
import { FleetProcess } from '../../environment/fleet/fleet-process.ts'
import { SLOW_INTERVAL_MS, STRESSED_FLEET, type StageName } from '../loads/loads.ts'
import type { PythonEnvironment } from '../start/python-environment.ts'
import type { Router } from '../start/router-list.ts'
import { RunningRouter } from '../start/running-router.ts'

export interface StageSetting {
  readonly children: Children
  readonly folder: string
  readonly environment: PythonEnvironment
  readonly routers: readonly Router[]
  readonly maxConnections: number
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

export interface Stage {
  readonly routers: readonly RunningRouter[]
  /** Router -> why it is not there. */
  readonly failures: ReadonlyMap<string, string>
  /** Any address of the canned engines; unset: they are simulated. */
  readonly cannedUrl: string | undefined
  /** A decode engine, to be asked without a router. */
  readonly direct: { readonly url: string; readonly pid: number } | undefined
  readonly close: () => Promise<void>
}

/** Eight engines of each role take the connections of a burst faster than two, whose backlog is short. */
const CANNED_FLAGS: Readonly<Record<'canned' | 'slow', readonly string[]>> = {
  canned: ['--engines', '2', '--chunks', '101'],
  slow: ['--engines', '8', '--chunks', '2', '--interval-ms', String(SLOW_INTERVAL_MS)],
}

/** @throws Error when the engines do not start; a router that does not is a failure of its own. */
export function openStage(name: StageName, setting: StageSetting): Promise<Stage> {
  const isCanned = name === 'canned' || name === 'slow'
  return isCanned ? openCanned(CANNED_FLAGS[name], setting) : openSimulated(setting)
}

async function openCanned(flags: readonly string[], setting: StageSetting): Promise<Stage> {
  const { child, ports } = await startEngines(setting.children, flags)
  const { routers, failures } = await startAll(setting, () => Promise.resolve(cannedEngines(ports)))
  const cannedUrl = urlOf(ports.decode[0] ?? 0)
  const close = async () => {
    await Promise.all(routers.map(router => router.close()))
    await setting.children.end(child)
  }
  return { routers, failures, cannedUrl, direct: { url: cannedUrl, pid: child.pid ?? 0 }, close }
}

/** Each router has engines of its own: what one leaves on them must not slow the next one down. */
async function openSimulated(setting: StageSetting): Promise<Stage> {
  const fleets: FleetProcess[] = []
  const { routers, failures } = await startAll(setting, async () => {
    const fleet = await FleetProcess.start(STRESSED_FLEET)
    fleets.push(fleet)
    return fleet
  })
  const close = async () => {
    await Promise.all(routers.map(router => router.close()))
    await Promise.all(fleets.map(fleet => fleet.close()))
  }
  return { routers, failures, cannedUrl: undefined, direct: undefined, close }
}

/** One after the other: at once they would take each other's free ports. */
async function startAll(setting: StageSetting, enginesOf: () => Promise<PdEngines>) {
  const { children, environment, routers: wanted, maxConnections, say } = setting
  const folder = mkdtempSync(join(setting.folder, 'stage-'))
  const routers: RunningRouter[] = []
  const failures = new Map<string, string>()
  for (const router of wanted) {
    if (setting.signal.aborted) break
    try {
      const reason = environment.missing.get(router.package?.name ?? '')
      if (reason !== undefined) throw new Error(`not installed: ${reason}`)
      // oxlint-disable-next-line no-await-in-loop -- see above
      const engines = await enginesOf()
      const place = { children, engines, folder, python: environment.python, maxConnections }
      // oxlint-disable-next-line no-await-in-loop -- see above
      routers.push(await RunningRouter.start(router, place))
    } catch (error) {
      failures.set(router.name, messageOf(error))
      say(`${router.name} cannot take part: ${failures.get(router.name)}`)
    }
  }
  return { routers, failures }
}
