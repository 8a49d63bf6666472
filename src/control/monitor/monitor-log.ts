/** The log lines of one monitored engine: each problem once, not with every probe that finds it. */
import type { Config } from '../../config/config.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { EngineSpec } from '../discovery/static.ts'

/** After this time without a response an operator is informed. */
const LATE_MS = 5000

export class MonitorLog {
  readonly #log: Logger
  readonly #engine: { readonly url: string; readonly role: string }
  readonly #errorMs: number
  readonly #startedMs = performance.now()
  #lateReports = 0
  #hasGaps = false
  #misfit: string | undefined

  constructor(log: Logger, { url, role }: EngineSpec, engines: Config['engines']) {
    this.#log = log
    this.#engine = { url, role }
    this.#errorMs = engines.startupTimeoutSecs * 1000
  }

  /** Logged at `debug`, once as a warning after seconds and once as an error after `engines.startupTimeoutSecs`. */
  notUpYet(error: string | undefined): void {
    this.#log.debug({ ...this.#engine, error }, 'engine is not up yet')
    const ms = performance.now() - this.#startedMs
    const isError = ms >= this.#errorMs
    if (this.#lateReports >= (isError ? 2 : 1) || (!isError && ms < LATE_MS)) return
    this.#lateReports = isError ? 2 : 1
    const fields = { ...this.#engine, secs: Math.round(ms / 1000), error }
    if (isError) this.#log.error(fields, 'engine has not started yet; still trying')
    else this.#log.warn(fields, 'engine does not respond yet; still trying')
  }

  /** `gaps`: what could not be found out about the engine, with the reasons. */
  gaps(gaps: readonly string[]): void {
    const hadGaps = this.#hasGaps
    this.#hasGaps = gaps.length > 0
    if (!this.#hasGaps || hadGaps) return
    const fields = { ...this.#engine, error: gaps.join('; ') }
    this.#log.warn(fields, 'engine is used, but not everything is known of it; asking again')
  }

  /** `misfit`: why the process cannot do the work of its role. */
  misfit(misfit: string | undefined): void {
    const isNew = misfit !== this.#misfit
    this.#misfit = misfit
    if (!isNew || misfit === undefined) return
    this.#log.warn(
      { ...this.#engine, error: misfit },
      'engine gets no requests, because it cannot serve its role',
    )
  }

  isOwn(): void {
    this.#log.error(this.#engine, 'the address is that of this gateway, not of an engine; it is not used')
  }

  healthy(): void {
    this.#log.info(this.#engine, 'engine is healthy')
  }

  unhealthy(error: string | undefined): void {
    this.#log.warn({ ...this.#engine, error }, 'engine is unhealthy')
  }
}
