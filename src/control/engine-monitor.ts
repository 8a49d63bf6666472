/**
 * Monitors one engine: registers it when it responds, probes it and reports its health.
 *
 * `health-check.ts` decides what a probe means. Changes of health are logged, single probes are not.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { errorCode, isLocalShortage, messageOf } from '../core/error-text.ts'
import type { HealthName } from '../shared/engine-slots.ts'
import type { Logger } from '../telemetry/log.ts'
import type { EngineSpec } from './discovery/static.ts'
import { type EngineInfo, readEngineInfo } from './engine-info.ts'
import { HEALTHY, type HealthState, NEW, nextHealth } from './health-check.ts'
import { type GetResponse, httpGet } from './http-get.ts'

export interface EngineMonitorOptions {
  readonly spec: EngineSpec
  /** Health found by the monitor of a previous control thread. `unknown` for a new engine. */
  readonly lastHealth: HealthName
  readonly health: Config['health']
  readonly engines: Config['engines']
  readonly signal: AbortSignal
  readonly log: Logger
  /** Called when the engine is up, for the first time or again after an outage. */
  readonly onInfo: (info: EngineInfo) => void
  readonly onHealth: (health: HealthName) => void
}

const FIRST_PAUSE_MS = 250
/** `/server_info` waits for the scheduler, which may be busy with a long prefill. */
const INFO_TIMEOUT_MS = 10_000

export class EngineMonitor {
  readonly #options: EngineMonitorOptions
  readonly #startedMs = performance.now()
  #state: HealthState
  #isLateReported = false
  /** Error of the last registration or probe. `undefined` if it succeeded. */
  #error: string | undefined

  constructor(options: EngineMonitorOptions) {
    this.#options = options
    this.#state = stateAfter(options.lastHealth)
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { signal } = this.#options
    try {
      if (this.#state.kind === 'new') await this.#untilFirst(() => this.#register())
      if (!this.#options.health.enabled) return this.#enter(HEALTHY)
      if (this.#state.kind === 'new') await this.#untilFirst(() => this.#probe())
      while (!signal.aborted) {
        await wait(this.#pauseMs(), undefined, { signal })
        await this.#probe()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Repeats a step until it succeeds, with increasing pauses. */
  async #untilFirst(step: () => Promise<boolean>): Promise<void> {
    const longestMs = this.#options.engines.startupCheckIntervalSecs * 1000
    let pauseMs = Math.min(FIRST_PAUSE_MS, longestMs)
    while (!(await step())) {
      this.#reportLate()
      await wait(pauseMs, undefined, { signal: this.#options.signal })
      pauseMs = Math.min(pauseMs * 2, longestMs)
    }
  }

  async #register(): Promise<boolean> {
    const { spec, log, onInfo, signal } = this.#options
    try {
      const info = await readEngineInfo(path => this.#get(path, INFO_TIMEOUT_MS))
      warnOfMode(spec, info, log)
      onInfo(info)
      return true
    } catch (error) {
      signal.throwIfAborted()
      this.#error = messageOf(error)
      log.debug({ ...named(spec), error: this.#error }, 'engine is not up yet')
      return false
    }
  }

  async #probe(): Promise<boolean> {
    const { health, signal } = this.#options
    const { error, isLocal } = await this.#probeEngine()
    signal.throwIfAborted()
    this.#error = error
    if (isLocal) return false
    // An engine that is up again may have been restarted with other limits.
    const hasRecovered = this.#state.kind === 'unhealthy' && error === undefined
    const isGood = hasRecovered ? await this.#register() : error === undefined
    this.#enter(nextHealth(this.#state, isGood, health))
    return isGood
  }

  /** `error` is set if the probe failed. `isLocal`: it never left this machine, so it says nothing about the engine. */
  async #probeEngine(): Promise<{ readonly error: string | undefined; readonly isLocal: boolean }> {
    const { endpoint, timeoutSecs } = this.#options.health
    try {
      const { status } = await this.#get(endpoint, timeoutSecs * 1000)
      const isGood = status >= 200 && status < 300
      return { error: isGood ? undefined : `${endpoint} responded with ${status}`, isLocal: false }
    } catch (error) {
      return { error: messageOf(error), isLocal: isLocalShortage(errorCode(error)) }
    }
  }

  #get(path: string, timeoutMs: number): Promise<GetResponse> {
    const { spec, signal } = this.#options
    return httpGet(`${spec.url}${path}`, { timeoutMs, signal })
  }

  #enter(state: HealthState): void {
    const { spec, log, onHealth } = this.#options
    const hasChanged = state.kind !== this.#state.kind
    this.#state = state
    if (!hasChanged || state.kind === 'new') return
    onHealth(state.kind)
    if (state.kind === 'healthy') log.info(named(spec), 'engine is healthy')
    else log.warn({ ...named(spec), error: this.#error }, 'engine is unhealthy')
  }

  /**
   * Time until the next probe. An unhealthy engine is probed more often than a healthy one. Once it responds again, the
   * probes that confirm its recovery follow quickly, so that it gets requests one interval after it is back.
   */
  #pauseMs(): number {
    const { health, engines } = this.#options
    const state = this.#state
    if (state.kind !== 'unhealthy') return health.intervalSecs * 1000
    const pauseMs = Math.min(health.intervalSecs, engines.startupCheckIntervalSecs) * 1000
    return state.successes > 0 ? Math.min(pauseMs, FIRST_PAUSE_MS) : pauseMs
  }

  #reportLate(): void {
    const { spec, engines, log } = this.#options
    const secs = (performance.now() - this.#startedMs) / 1000
    if (this.#isLateReported || secs < engines.startupTimeoutSecs) return
    this.#isLateReported = true
    log.error(
      { ...named(spec), secs: Math.round(secs), error: this.#error },
      'engine has not started yet; still trying',
    )
  }
}

function stateAfter(health: HealthName): HealthState {
  switch (health) {
    case 'healthy':
      return HEALTHY
    case 'unhealthy':
      return { kind: 'unhealthy', successes: 0 }
    case 'unknown':
    case 'draining':
      return NEW
  }
}

function named({ url, role }: EngineSpec): { readonly url: string; readonly role: string } {
  return { url, role }
}

function warnOfMode(spec: EngineSpec, { mode }: EngineInfo, log: Logger): void {
  const expected = spec.role === 'mixed' ? 'null' : spec.role
  if (mode === undefined || mode === expected) return
  log.warn(
    { ...named(spec), disaggregationMode: mode },
    'engine runs in another disaggregation mode than its role: check its --disaggregation-mode',
  )
}
