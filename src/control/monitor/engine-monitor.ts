/**
 * Monitors one engine: registers it when it responds, probes it, reports its health and renews what is known of it.
 *
 * `health-check.ts` decides what a probe means, `engine-facts.ts` knows what the engine has reported. After any failed
 * probe the engine may be another one at the same address, so it is asked for everything before a good probe counts.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { AddressWatch } from './address-watch.ts'
import { EngineFacts, type EngineGet } from './engine-facts.ts'
import { usedFacts } from './engine-info.ts'
import type { EngineMonitorOptions } from './engine-monitor-options.ts'
import {
  HEALTHY,
  type HealthState,
  isLost,
  nextHealth,
  nextOutage,
  type Outage,
  stateAfter,
  thresholdsFor,
} from './health-check.ts'
import { httpGet } from './http-get.ts'
import { misfitOf } from './misfit.ts'
import { MonitorLog } from './monitor-log.ts'
import { Pause } from './pause.ts'
import { type ProbeResult, probe } from './probe.ts'
import { FIRST_PAUSE_MS, pauseBeforeProbe } from './probe-pause.ts'

/** How long a good probe waits for the properties of the engine before it counts without them. */
const FACTS_PATIENCE_MS = 3000
/** Minimum interval between two probes that failed requests cause. */
const PROMPT_INTERVAL_MS = 2000
/** Every second poll of the models of an engine asks for everything else, too. */
const POLLS_PER_FULL_POLL = 2
/** Pauses before asking again for what an engine has not answered. */
const GAP_PAUSE = { firstMs: 1000, maxMs: 30_000 }

export class EngineMonitor {
  readonly #options: EngineMonitorOptions
  readonly #log: MonitorLog
  readonly #facts: EngineFacts
  readonly #address: AddressWatch
  readonly #untilProbe = new Pause()
  readonly #untilFacts = new Pause()
  #state: HealthState
  #outage: Outage | undefined
  #isSlow = false
  #served: number
  #promptedMs = -Infinity
  #isJoined: boolean
  /** The process may be another one than the one that has answered. */
  #isStale = false
  #lastError: string | undefined

  constructor(options: EngineMonitorOptions) {
    this.#options = options
    this.#log = new MonitorLog(options.log, options.spec, options.engines)
    this.#state = stateAfter(options.lastHealth)
    this.#isJoined = this.#state.kind !== 'new'
    this.#served = options.served()
    this.#facts = new EngineFacts(this.#get, () => {
      if (this.#isJoined) this.#publish(false)
    })
    this.#address = new AddressWatch(options.spec.url)
  }

  /** Why the engine has not joined, or why its last probe has failed; `undefined` if neither. */
  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Runs until the signal aborts. */
  async run(): Promise<void> {
    const { signal } = this.#options
    try {
      if (await this.#options.isOwn()) {
        this.#lastError = 'the address is that of this gateway'
        return this.#log.isOwn()
      }
      if (!this.#isJoined) await this.#untilFirst(() => this.#join())
      await Promise.all([this.#watchHealth(), this.#watchFacts()])
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  /** Requests to the engine have failed: it is probed soon, and then asked again for everything. */
  prompt(): void {
    if (performance.now() - this.#promptedMs < PROMPT_INTERVAL_MS) return
    this.#promptedMs = performance.now()
    this.#isStale = true
    this.#untilProbe.end()
  }

  /** The engine is asked for its models now. */
  refresh(): void {
    this.#untilFacts.end()
  }

  /** Repeats a step until it succeeds, with increasing pauses. */
  async #untilFirst(step: () => Promise<boolean>): Promise<void> {
    const { engines, signal } = this.#options
    const maxMs = engines.startupCheckIntervalSecs * 1000
    let pauseMs = Math.min(FIRST_PAUSE_MS, maxMs)
    while (!(await step())) {
      await wait(pauseMs, undefined, { signal })
      pauseMs = Math.min(pauseMs * 2, maxMs)
    }
  }

  /** An engine that answers nothing but its probes joins, too: it may be usable without being known. */
  async #join(): Promise<boolean> {
    const { signal, served } = this.#options
    await this.#facts.read(FACTS_PATIENCE_MS)
    signal.throwIfAborted()
    if (!this.#facts.isUp && !(await this.#answersProbe())) return false
    this.#lastError = undefined
    this.#isJoined = true
    await this.#address.renew()
    signal.throwIfAborted()
    this.#publish(true)
    this.#served = served()
    this.#log.gaps(this.#facts.gaps)
    return true
  }

  async #answersProbe(): Promise<boolean> {
    const { signal, health } = this.#options
    const unknown: ProbeResult = { fault: 'failed', error: this.#facts.gaps[0], isLocal: false }
    const probed = health.enabled ? await this.#probeEngine() : unknown
    signal.throwIfAborted()
    if (probed.fault === undefined) return true
    this.#lastError = probed.error
    this.#log.notUpYet(probed)
    return false
  }

  async #watchHealth(): Promise<void> {
    const { health, signal } = this.#options
    if (!health.enabled) return this.#enter(HEALTHY, undefined)
    if (this.#state.kind === 'new') await this.#untilFirst(() => this.#probe())
    while (!signal.aborted) {
      await this.#untilProbe.start(pauseBeforeProbe(this.#state, this.#outage, this.#options), signal)
      await this.#probe()
    }
  }

  /** Polls what the engine reports of itself. If that has changed, or something is not known yet, it is asked for everything. */
  async #watchFacts(): Promise<void> {
    const { engines, signal } = this.#options
    const periodMs = engines.refreshIntervalSecs * 1000
    let gapPauseMs = GAP_PAUSE.firstMs
    for (let poll = 1; !signal.aborted; poll++) {
      const hasGaps = this.#facts.gaps.length > 0
      await this.#untilFacts.start(hasGaps ? Math.min(gapPauseMs, periodMs) : periodMs, signal)
      gapPauseMs = hasGaps ? Math.min(gapPauseMs * 2, GAP_PAUSE.maxMs) : GAP_PAUSE.firstMs
      if (await this.#address.renew()) this.prompt()
      this.#publish(false)
      const hasChanged = !hasGaps && (await this.#facts.hasChanged(poll % POLLS_PER_FULL_POLL === 0))
      if (hasGaps || hasChanged) await this.#renew()
      signal.throwIfAborted()
      if (hasChanged) this.#untilProbe.end()
    }
  }

  #publish(isBack: boolean): void {
    const { spec, engines, onInfo } = this.#options
    const facts = usedFacts(this.#facts.info, spec.role, engines)
    onInfo({ ...facts, addresses: this.#address.addresses }, isBack)
  }

  async #renew(): Promise<void> {
    await this.#facts.read(FACTS_PATIENCE_MS)
    this.#options.signal.throwIfAborted()
    this.#log.gaps(this.#facts.gaps)
  }

  async #probe(): Promise<boolean> {
    const startedMs = performance.now()
    const wasStale = this.#isStale
    this.#isStale = false
    const probed = await this.#probeEngine()
    this.#options.signal.throwIfAborted()
    if (probed.fault === undefined && wasStale) {
      await this.#renew()
      this.#publish(this.#outage !== undefined)
    }
    // Failed requests may have made it stale meanwhile.
    this.#isStale ||= probed.fault !== undefined && wasStale
    return !probed.isLocal && this.#conclude(this.#withMisfit(probed), startedMs)
  }

  /** Returns whether the engine is good. */
  #conclude(probed: ProbeResult, startedMs: number): boolean {
    const { fault, error } = probed
    const served = this.#options.served()
    const hasServed = served !== this.#served
    this.#served = served
    const isGood = fault === undefined || (fault === 'slow' && hasServed)
    this.#isStale ||= !isGood
    this.#lastError = isGood ? undefined : error
    if (this.#state.kind === 'new' && !isGood && fault !== 'misfit') this.#log.notUpYet(probed)
    this.#outage = isGood ? undefined : nextOutage(this.#outage, fault, { startedMs, hasServed })
    this.#enter(nextHealth(this.#state, isGood, thresholdsFor(fault, this.#options.health)), error)
    this.#reportLoss(error)
    return isGood
  }

  #reportLoss(error = 'unknown'): void {
    const { health, onLost } = this.#options
    if (this.#outage === undefined) return
    const times = { nowMs: performance.now(), giveUpMs: health.giveUpSecs * 1000 }
    if (isLost(this.#state, this.#outage, times)) onLost(error)
  }

  /** A process that cannot do the work of the role is no healthy engine, however well it answers. */
  #withMisfit(probed: ProbeResult): ProbeResult {
    if (probed.fault !== undefined) return probed
    const misfit = misfitOf(this.#options.spec.role, this.#facts.info)
    this.#log.misfit(misfit)
    return misfit === undefined ? probed : { fault: 'misfit', error: misfit, isLocal: false }
  }

  #probeEngine(): Promise<ProbeResult> {
    const { endpoint, timeoutSecs } = this.#options.health
    return probe(this.#get, endpoint, timeoutSecs * 1000)
  }

  readonly #get: EngineGet = (path, timeoutMs) => {
    const { spec, signal } = this.#options
    return httpGet(`${spec.url}${path}`, { timeoutMs, signal, apiKey: spec.apiKey })
  }

  #enter(state: HealthState, error: string | undefined): void {
    const hasChanged = state.kind !== this.#state.kind
    const isSlow = state.kind === 'unhealthy' && this.#outage?.isSlow === true
    this.#state = state
    if (state.kind === 'new' || (!hasChanged && isSlow === this.#isSlow)) return
    this.#isSlow = isSlow
    this.#options.onHealth(state.kind, isSlow)
    if (!hasChanged) return
    if (state.kind === 'healthy') this.#log.healthy()
    else this.#log.unhealthy(error)
  }
}
