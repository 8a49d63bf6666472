/** Environments of the loads: engines with all routers in front of them. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../src/core/text/error-text.ts'
import { FleetProcess } from '../../environment/fleet/fleet-process.ts'
import { LOAD_CORE, TARGET_CORE } from '../../process/cores.ts'
import { type EnvironmentName, SLOW_INTERVAL_MS, STRESSED_FLEET } from '../loads/loads.ts'
import { CHUNKS_PER_STREAM } from '../loads/wrk-loads.ts'
import { startCannedEngines } from '../start/canned-engines.ts'
import type { RouterEngines } from '../start/gateway.ts'
import type { PythonEnvironment } from '../start/python-environment.ts'
import type { Router } from '../start/router-list.ts'
import { RunningRouter, type Target } from '../start/running-router.ts'

export interface EnvironmentOptions {
  readonly folder: string
  readonly python: PythonEnvironment
  readonly routers: readonly Router[]
  /** Processes that already run; they are measured too, but not stopped. */
  readonly externalTargets: readonly Target[]
  readonly maxConnections: number
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

export interface RouterEnvironment {
  readonly targets: readonly Target[]
  /** Router -> why it could not be started. */
  readonly failures: ReadonlyMap<string, string>
  /** URL of a canned engine; undefined: the engines are simulated. */
  readonly cannedUrl: string | undefined
  /** A decode engine, for requests without a router. */
  readonly direct: { readonly url: string; readonly pid: number } | undefined
  readonly close: () => Promise<void>
}

/** Eight slow engines of each role accept the connections of a burst faster than two, whose backlog is short. */
const CANNED_FLAGS: Readonly<Record<'canned' | 'slow', readonly string[]>> = {
  canned: ['--engines', '2', '--chunks', String(CHUNKS_PER_STREAM)],
  slow: ['--engines', '8', '--chunks', '2', '--interval-ms', String(SLOW_INTERVAL_MS)],
}

/** One router thread, because each router is measured on one core. */
const SETTINGS = { policy: 'round_robin', threads: 1, core: TARGET_CORE }

/** @throws Error when the engines do not start. A router that does not start is among the failures. */
export function openEnvironment(
  name: EnvironmentName,
  options: EnvironmentOptions,
): Promise<RouterEnvironment> {
  const isCanned = name === 'canned' || name === 'slow'
  return isCanned ? openCanned(CANNED_FLAGS[name], options) : openSimulated(options)
}

async function openCanned(flags: readonly string[], options: EnvironmentOptions): Promise<RouterEnvironment> {
  const engines = await startCannedEngines(flags, { core: LOAD_CORE })
  const { routers, failures } = await startAll(options, () => Promise.resolve(engines))
  const { url, child } = engines
  const close = async () => {
    await Promise.all(routers.map(router => router.close()))
    await child.stop()
  }
  const targets = [...routers, ...options.externalTargets]
  return { targets, failures, cannedUrl: url, direct: { url, pid: child.pid }, close }
}

/** Each router gets its own engines, so that what one leaves behind on them does not slow down the next. */
async function openSimulated(options: EnvironmentOptions): Promise<RouterEnvironment> {
  const fleets: FleetProcess[] = []
  const { routers, failures } = await startAll(options, async () => {
    const fleet = await FleetProcess.start(STRESSED_FLEET)
    fleets.push(fleet)
    return fleet
  })
  const close = async () => {
    await Promise.all(routers.map(router => router.close()))
    await Promise.all(fleets.map(fleet => fleet.close()))
  }
  const targets = [...routers, ...options.externalTargets]
  return { targets, failures, cannedUrl: undefined, direct: undefined, close }
}

/** Starts the routers one after the other: otherwise they would take each other's free ports. */
async function startAll(options: EnvironmentOptions, enginesOf: () => Promise<RouterEngines>) {
  const { python, log, maxConnections } = options
  const folder = mkdtempSync(join(options.folder, 'environment-'))
  const routers: RunningRouter[] = []
  const failures = new Map<string, string>()
  for (const router of options.routers) {
    if (options.signal.aborted) break
    try {
      const reason = python.missing.get(router.package?.name ?? '')
      if (reason !== undefined) throw new Error(`not installed: ${reason}`)
      const engines = await enginesOf()
      const start = { engines, folder, python: python.python, maxConnections, ...SETTINGS }
      routers.push(await RunningRouter.start(router, start))
    } catch (error) {
      const failure = messageOf(error)
      failures.set(router.name, failure)
      log(`${router.name} is skipped: ${failure}`)
    }
  }
  return { routers, failures }
}
