/** The log lines of one monitored engine: each problem once, not with every probe that finds it. */
import type { Config } from '../../config/config.ts'
import { monotonicNowMs } from '../../core/clock.ts'
import type { Logger } from '../../telemetry/log.ts'
import type { EngineSpec } from '../discovery/static.ts'
import { afterReport, FIRST_REPORT, type LateReport, lateText } from './late-report.ts'
import type { ProbeResult } from './probe.ts'

export class MonitorLog {
  readonly #log: Logger
  readonly #engine: { readonly url: string; readonly role: string }
  readonly #errorMs: number
  readonly #nowMs: () => number
  readonly #startedMs: number
  #late: LateReport = FIRST_REPORT
  #hasFailed = false
  #hasGaps = false
  #misfit: string | undefined

  constructor(
    log: Logger,
    { url, role }: Pick<EngineSpec, 'url' | 'role'>,
    engines: Pick<Config['engines'], 'startupTimeoutSecs'>,
    nowMs: () => number = monotonicNowMs,
  ) {
    this.#log = log
    this.#engine = { url, role }
    this.#errorMs = engines.startupTimeoutSecs * 1000
    this.#nowMs = nowMs
    this.#startedMs = nowMs()
  }

  /**
   * `probed`: a failed probe. Logged at `debug`; with rising pauses also as a warning, and after
   * `engines.startupTimeoutSecs` as an error.
   */
  notUpYet(probed: Pick<ProbeResult, 'error' | 'status'>): void {
    const { error } = probed
    this.#log.debug({ ...this.#engine, error }, 'engine is not up yet')
    const ms = this.#nowMs() - this.#startedMs
    const isError = ms >= this.#errorMs
    if (ms < this.#late.nextMs && this.#hasFailed === isError) return
    this.#late = afterReport(this.#late, ms)
    this.#hasFailed = isError
    this.#log[isError ? 'error' : 'warn'](
      { ...this.#engine, secs: Math.round(ms / 1000), error },
      lateText(probed),
    )
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
