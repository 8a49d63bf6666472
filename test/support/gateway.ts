/** A running gateway in front of simulated engines, both closed when the test ends. */

import { type ConfigInput, configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { type FleetOptions, type SimulatedFleet, startFleet } from '../../src/simulator/fleet.ts'
import { FAST } from '../../src/simulator/settings/knobs.ts'
import { at } from './sse.ts'
import { until } from './until.ts'

type Sections = Omit<ConfigInput, 'engines'>

export interface GatewayOptions {
  /** Engines to start, whose knobs override the fast ones, or the running engines of another gateway. */
  readonly fleet: FleetOptions | SimulatedFleet
  /** Configuration without the engines, which come from the fleet. The mode is `mixed` if the fleet has only mixed engines. */
  readonly config?: Sections
  /** `mixed`: instead of those of the fleet. */
  readonly engines?: Pick<
    NonNullable<ConfigInput['engines']>,
    'pairVersions' | 'mixed' | 'dataParallelRanks' | 'loadIntervalSecs' | 'apiKey' | 'adminApiKey'
  >
}

export interface TestGateway {
  readonly origin: string
  /** Origin of the listener for metrics and administration. */
  readonly adminOrigin: string
  readonly fleet: SimulatedFleet
}

/** The context of a test, or `{ after }` of node:test for what all tests of a file share. */
export interface Owner {
  after(close: () => unknown): void
}

/** Resolves when every engine is healthy. */
export async function openGateway(t: Owner, options: GatewayOptions): Promise<TestGateway> {
  const fleet = isRunning(options.fleet) ? options.fleet : await openFleet(t, options.fleet)
  const config = configSchema.parse({
    log: { level: 'error' },
    admin: { host: '127.0.0.1', port: 0 },
    health: { intervalSecs: 0.5 },
    ...options.config,
    engines: { ...enginesOf(fleet), ...options.engines },
    server: { host: '127.0.0.1', port: 0, workers: 1, ...options.config?.server },
  })
  const gateway = await startGateway(config)
  t.after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  const engines = fleet.prefill.length + fleet.decode.length + fleet.mixed.length
  await until(async () => (await healthyEngines(origin)) === engines, 'every engine is healthy')
  return { origin, adminOrigin: `http://127.0.0.1:${gateway.adminPort}`, fleet }
}

/** Starts engines with short delays. */
export async function openFleet(t: Owner, options: FleetOptions): Promise<SimulatedFleet> {
  const fleet = await startFleet({ ...options, knobs: { ...FAST, ...options.knobs } })
  t.after(() => fleet.close())
  return fleet
}

function isRunning(fleet: FleetOptions | SimulatedFleet): fleet is SimulatedFleet {
  return 'close' in fleet
}

/** The number of requests running on all engines of the fleet. */
export function runningOn(fleet: SimulatedFleet): number {
  return [...fleet.prefill, ...fleet.decode, ...fleet.mixed].reduce(
    (sum, engine) => sum + engine.running(),
    0,
  )
}

function enginesOf(fleet: SimulatedFleet): ConfigInput['engines'] {
  const mixed = fleet.mixed.map(({ url }) => ({ url }))
  if (fleet.prefill.length + fleet.decode.length === 0) return { mode: 'mixed', mixed }
  return {
    prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
    decode: fleet.decode.map(({ url }) => ({ url })),
  }
}

export async function healthyEngines(origin: string): Promise<unknown> {
  const response = await fetch(`${origin}/readiness`)
  return at(await response.json(), 'healthy_workers')
}
