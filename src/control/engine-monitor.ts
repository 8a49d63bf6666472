/**
 * Follows one engine for as long as the control thread lives: registers it when it answers, probes it, says how it is.
 *
 * What a probe means is decided in `health-check.ts`. Logs once a change, never once a probe.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { errorCode } from '../core/error-text.ts'
import { isLocalShortage } from '../core/local-shortage.ts'
import type { HealthName } from '../shared/engine-slots.ts'
import type { Logger } from '../telemetry/log.ts'
import type { EngineSpec } from './discovery/static.ts'
import { type EngineInfo, readEngineInfo } from './engine-info.ts'
import { HEALTHY, type HealthState, NEW, nextHealth } from './health-check.ts'
import { type GetAnswer, httpGet } from './http-get.ts'

export interface EngineMonitorOptions {
  readonly spec: EngineSpec
  /** What a watch before this one has found; `unknown` for an engine that was never asked. */
  readonly lastHealth: HealthName
  readonly health: Config['health']
  readonly engines: Config['engines']
  readonly signal: AbortSignal
  readonly log: Logger
  /** The engine is up and told this: for the first time, or again after it had gone. */
  readonly onInfo: (info: EngineInfo) => void
  readonly onHealth: (health: HealthName) => void
}

const FIRST_PAUSE_MS = 250
/** `/server_info` round-trips to a scheduler that may be busy with a long prefill. */
const INFO_TIMEOUT_MS = 10_000

export class EngineMonitor {
  readonly #options: EngineMonitorOptions
  readonly #startedMs = performance.now()
  #state: HealthState
  #isLateReported = false
  /** Why the last step failed. */
  #why: string | undefined

  constructor(options: EngineMonitorOptions) {
    this.#options = options
    this.#state = stateAfter(options.lastHealth)
  }

  /** Ends when the signal says so, and only then. */
  async run(): Promise<void> {
    const { signal } = this.#options
    try {
      if (this.#state.kind === 'new') await this.#untilFirst(() => this.#register())
      if (!this.#options.health.enabled) return this.#enter(HEALTHY, 'no probes')
      if (this.#state.kind === 'new') await this.#untilFirst(() => this.#probe())
      while (!signal.aborted) {
        await wait(this.#pauseMs(), undefined, { signal })
        await this.#probe()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Repeats a step that has never worked, quickly at first. */
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
      this.#why = error instanceof Error ? error.message : String(error)
      log.debug({ ...named(spec), why: this.#why }, 'engine is not up yet')
      return false
    }
  }

  async #probe(): Promise<boolean> {
    const { health, signal } = this.#options
    const { why, isOurs } = await this.#probeEngine()
    signal.throwIfAborted()
    this.#why = why
    if (isOurs) return false
    // An engine that comes back may have been started anew, with other limits.
    const isBack = this.#state.kind === 'unhealthy' && why === undefined
    const isGood = isBack ? await this.#register() : why === undefined
    this.#enter(nextHealth(this.#state, isGood, health), why)
    return isGood
  }

  /** `why`: the probe was not good. `isOurs`: it never left this machine, and says nothing of the engine. */
  async #probeEngine(): Promise<{ readonly why: string | undefined; readonly isOurs: boolean }> {
    const { endpoint, timeoutSecs } = this.#options.health
    try {
      const { status } = await this.#get(endpoint, timeoutSecs * 1000)
      const why = status >= 200 && status < 300 ? undefined : `${endpoint} answered ${status}`
      return { why, isOurs: false }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return { why, isOurs: isLocalShortage(errorCode(error)) }
    }
  }

  #get(path: string, timeoutMs: number): Promise<GetAnswer> {
    const { spec, signal } = this.#options
    return httpGet(`${spec.url}${path}`, { timeoutMs, signal })
  }

  #enter(state: HealthState, why: string | undefined): void {
    const { spec, log, onHealth } = this.#options
    const hasChanged = state.kind !== this.#state.kind
    this.#state = state
    if (!hasChanged || state.kind === 'new') return
    onHealth(state.kind)
    if (state.kind === 'healthy') log.info(named(spec), 'engine is healthy')
    else log.warn({ ...named(spec), why }, 'engine is unhealthy')
  }

  /**
   * An engine that is gone is asked more often than a healthy one: each probe of it is a request lost or not. Once it
   * answers again, the probes that must confirm it follow at once: traffic is back one interval after the engine.
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
      { ...named(spec), secs: Math.round(secs), why: this.#why },
      'engine has not come up; still trying',
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
  log.warn({ ...named(spec), mode }, 'engine was started for another role: check --disaggregation-mode')
}
