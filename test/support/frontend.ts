/** A running front end with echo router threads (`echo-router.ts`), closed when the test ends. */
import type { TestContext } from 'node:test'
import { type ConfigInput, configSchema } from '../../src/config/config.ts'
import { fewestOpen } from '../../src/dispatch/assign.ts'
import { type RouterThreads, startRouterThreads } from '../../src/dispatch/router-threads.ts'
import type { FrontendOptions } from '../../src/frontend/frontend-options.ts'
import { type Frontend, startFrontend } from '../../src/frontend/server.ts'
import { createSharedMemory } from '../../src/shared/layout.ts'
import type { Logger } from '../../src/telemetry/log.ts'
import type { CounterMetric } from '../../src/telemetry/metric-catalogue.ts'
import { metricRoom } from '../../src/telemetry/metric-cells.ts'
import { MetricReader } from '../../src/telemetry/metric-reader.ts'
import { Recorder } from '../../src/telemetry/recorder.ts'
import { createEchoMemory, openingsSeen } from './echo-router.ts'

export const SILENT: Logger = { isDebug: false, debug() {}, info() {}, warn() {}, error() {} }

export interface TestFrontend {
  readonly frontend: Frontend
  readonly threads: RouterThreads
  /** Number of `open` rows that the threads have received so far. */
  readonly openings: () => number
  /** Number of router threads that have ended so far. The time without a thread may pass between two polls. */
  readonly threadsLost: () => number
  /** The value of a counter, for one value of its label if it has one. */
  readonly counted: (name: CounterMetric, label?: string) => number
  readonly origin: string
}

export interface TestFrontendOptions {
  readonly config?: ConfigInput
  readonly threads?: number
  readonly readiness?: FrontendOptions['readiness']
  readonly log?: Logger
}

export async function openFrontend(t: TestContext, options: TestFrontendOptions = {}): Promise<TestFrontend> {
  const server = { ...options.config?.server, host: '127.0.0.1', port: 0 }
  const config = configSchema.parse({ ...options.config, server })
  const count = options.threads ?? 1
  const room = metricRoom(8, config.admin.durationBucketsSecs)
  const shared = { ...createSharedMemory(8, count, room), ...createEchoMemory() }
  // oxlint-disable-next-line prefer-const -- the callbacks of the threads need the front end, which is started after them
  let frontend: Frontend | undefined
  let lost = 0
  const threads = await startRouterThreads({
    config,
    shared,
    count,
    entry: new URL('./echo-router.ts', import.meta.url),
    onBatch: (_channel, batch) => frontend?.receive(batch),
    onExit: (channel, { wasOrdered }) => {
      lost++
      frontend?.threadLost(channel, wasOrdered)
    },
    onReady: () => frontend?.threadReady(),
    log: SILENT,
  })
  t.after(async () => {
    frontend?.close()
    await threads.close()
  })
  const readiness = options.readiness ?? (() => ({ isReady: true, healthyEngines: 2, totalEngines: 2 }))
  frontend = await startFrontend({
    config,
    assign: () => fewestOpen(threads.channels),
    readiness,
    log: options.log ?? SILENT,
    recorder: new Recorder(shared, 0),
  })
  const openings = (): number => openingsSeen(shared)
  const metrics = new MetricReader(shared)
  const counted = (name: CounterMetric, label = ''): number =>
    metrics.sum(metrics.plan.counters.get(name)?.get(label) ?? -1)
  const origin = `http://127.0.0.1:${frontend.port}`
  return { frontend, threads, openings, threadsLost: () => lost, counted, origin }
}
