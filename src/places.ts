/**
 * How much the gateway may have at work at once: read off the descriptor limit of the process and, while it runs, off
 * the engines that are healthy.
 */
import { readFileSync } from 'node:fs'
import type { Config } from './config/config.ts'
import { neededRoles } from './config/needed-roles.ts'
import type { NowMs } from './core/clock.ts'
import {
  type DescriptorBudget,
  leastDescriptors,
  openFilesLimit,
  shareDescriptors,
} from './core/descriptor-budget.ts'
import type { EngineSnapshot } from './core/engine.ts'
import { fleetCapacity } from './core/engine-capacity.ts'
import type { EngineSlots } from './shared/engine-slots.ts'
import type { Logger } from './telemetry/log.ts'

/**
 * The configuration as this process can keep it: threads counted, connections shared out.
 * @throws Error when there are too few descriptors to serve anything.
 */
export function withinLimits(
  config: Config,
  threads: number,
  log: Logger,
): { readonly config: Config; readonly budget: DescriptorBudget } {
  const limit = openFilesLimit(readLimits())
  const least = leastDescriptors(threads, config.server.listenSockets)
  if (limit < least) throw tooFew(limit, least, threads)
  const budget = shareDescriptors({
    limit,
    threads,
    socketsPerRequest: neededRoles(config).length,
    queueSize: config.admission.queueSize,
    maxSockets: config.upstream.maxSockets,
  })
  tell(limit, budget, log)
  const server = { ...config.server, workers: threads }
  const upstream = { ...config.upstream, maxSockets: budget.upstreamSockets }
  return { config: { ...config, server, upstream }, budget }
}

/** Empty where there is no such file: the limit is then not known. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

/** Before any thread runs: what fails later for want of a descriptor says `EMFILE` at best. */
function tooFew(limit: number, least: number, threads: number): Error {
  return new Error(
    `the limit of open files is ${limit}, and ${least} are needed at least with --workers ${threads}: raise it (ulimit -n, LimitNOFILE)`,
  )
}

function tell(limit: number, budget: DescriptorBudget, log: Logger): void {
  const { upstreamSockets, liveRequests, clients, wanted } = budget
  const figures = { limit, upstreamSockets, liveRequests, clients }
  if (limit >= wanted) return log.debug(figures, 'file descriptors')
  log.warn(
    { ...figures, wanted },
    'few file descriptors: requests beyond liveRequests wait; raise the limit (ulimit -n, LimitNOFILE) to wanted',
  )
}

/** A capacity that is a little old does no harm: router threads keep each engine's own. */
const FRESH_MS = 20

/** The capacity of the healthy engines, computed anew only every few milliseconds. */
export class CapacityView {
  readonly #config: Config
  readonly #slots: EngineSlots
  readonly #nowMs: NowMs
  #snapshot: EngineSnapshot
  #capacity = 0
  #untilMs = -Infinity

  constructor(config: Config, slots: EngineSlots, snapshot: EngineSnapshot, nowMs: NowMs) {
    this.#config = config
    this.#slots = slots
    this.#snapshot = snapshot
    this.#nowMs = nowMs
  }

  update(snapshot: EngineSnapshot): void {
    this.#snapshot = snapshot
    this.#untilMs = -Infinity
  }

  /** As in `fleetCapacity`. */
  readonly capacity = (): number => {
    const nowMs = this.#nowMs()
    if (nowMs < this.#untilMs) return this.#capacity
    this.#untilMs = nowMs + FRESH_MS
    const { maxPerEngine } = this.#config.admission
    const isHealthy = (slot: number): boolean => this.#slots.isHealthy(slot)
    this.#capacity = fleetCapacity(this.#snapshot.engines, neededRoles(this.#config), maxPerEngine, isHealthy)
    return this.#capacity
  }
}
