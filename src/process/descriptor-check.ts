/** Warns when the file descriptors do not suffice for the requests that the engines can run. */
import type { Config } from '../config/config.ts'
import { neededRoles } from '../config/engines.ts'
import type { Engine } from '../core/engine.ts'
import { fleetCapacity } from '../core/engine-capacity.ts'
import type { Logger } from '../telemetry/log.ts'
import type { DescriptorBudget } from './descriptor-budget.ts'

/** Engines that start together register one after the other. */
const QUIET_MS = 1500

export interface DescriptorCheckOptions {
  readonly config: Pick<Config, 'engines' | 'admission'>
  readonly budget: Pick<DescriptorBudget, 'liveRequests' | 'fixed' | 'perRequest'>
  /** Soft limit of open files; `Infinity` if it is unknown. */
  readonly limit: number
  readonly log: Pick<Logger, 'warn'>
}

export class DescriptorCheck {
  readonly #options: DescriptorCheckOptions
  #timer: NodeJS.Timeout | undefined
  /** Limit that the last warning asked for. */
  #asked = 0

  constructor(options: DescriptorCheckOptions) {
    this.#options = options
  }

  /** Must be called when engines have changed. Reports once they have not changed for a while. */
  changed(engines: readonly Engine[]): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.report(engines), QUIET_MS)
    this.#timer.unref()
  }

  /** Warns again only if more descriptors are needed than before. */
  report(engines: readonly Engine[]): void {
    const { config, budget, limit, log } = this.#options
    const running = runnableOn(engines, config)
    const needed = budget.fixed + running * budget.perRequest
    // With descriptors for all, a lower number of running requests has been configured.
    if (budget.liveRequests >= running || limit >= needed || needed <= this.#asked) return
    this.#asked = needed
    log.warn(
      { limit, needed },
      `the file descriptors suffice for ${budget.liveRequests} running requests, but the engines can run ${running}: set ulimit -n (LimitNOFILE) to ${needed}`,
    )
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}

/**
 * Requests that the engines run at once if all of them are healthy: 0 if a role has no engine. Engines that report no
 * limit count as one that runs as many as the queue holds.
 */
function runnableOn(
  engines: readonly Engine[],
  { engines: { mode }, admission }: DescriptorCheckOptions['config'],
): number {
  const { maxPerEngine, maxConcurrentRequests, queueSize } = admission
  const capacity = fleetCapacity(engines, neededRoles({ engines: { mode } }), maxPerEngine, () => true)
  const configured = maxConcurrentRequests > 0 ? maxConcurrentRequests : Infinity
  return Math.min(capacity === Infinity ? queueSize : capacity, configured)
}
