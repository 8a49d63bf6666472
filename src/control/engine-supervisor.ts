/**
 * Supervises the engines: starts a monitor for each configured or added engine, and drains the engines that are removed.
 *
 * A removed engine gets no new requests and leaves the registry when nothing is in flight on it. It stays removed, even
 * if it is configured, until it is added again.
 */
import type { Engine } from '../core/engine.ts'
import { type EngineSpec, staticEngines } from './discovery/static.ts'
import { untilIdle } from './drain-wait.ts'
import type { EngineSupervisorOptions } from './engine-supervisor-options.ts'
import { FleetCheck } from './fleet-check.ts'
import { HealthPublisher } from './health-publisher.ts'
import type { KnownEngine } from './monitor/engine-info.ts'
import { EngineMonitor } from './monitor/engine-monitor.ts'
import { isOwnAddress } from './own-address.ts'
import { keyOf, Registry } from './registry.ts'

/** An engine that is configured or was added, and has not responded yet. */
export interface JoiningEngine extends Pick<EngineSpec, 'url' | 'role'> {
  /** Why it has not joined; `undefined` before the first answer. */
  readonly error: string | undefined
}

/** How soon the failure of a request leads to a probe. */
const POLL_INTERVAL_MS = 250

interface MonitoredEngine {
  readonly spec: EngineSpec
  readonly monitor: EngineMonitor
  readonly stop: AbortController
  readonly done: Promise<void>
  /** Failed requests that have led to a probe. */
  failed: number
}

export class EngineSupervisor {
  readonly #options: EngineSupervisorOptions
  readonly #registry: Registry
  readonly #monitored = new Map<string, MonitoredEngine>()
  readonly #drains = new Map<string, Promise<void>>()
  readonly #removed: Set<string>
  readonly #closing = new AbortController()
  readonly #publisher: HealthPublisher
  readonly #fleetCheck: FleetCheck
  #timer: NodeJS.Timeout | undefined
  #joiningCount = 0

  constructor(options: EngineSupervisorOptions) {
    const { slots } = options
    this.#options = options
    this.#removed = new Set(options.removed)
    const table = {
      assign: (slot: number, generation: number) => {
        options.onSlotTaken(slot)
        slots.assign(slot, generation)
      },
      generation: (slot: number) => slots.generation(slot),
      inFlight: (slot: number) => slots.inFlight(slot),
    }
    this.#registry = new Registry(table, options.maxEngines, options.known)
    this.#fleetCheck = new FleetCheck(options.log)
    this.#publisher = new HealthPublisher({
      slots,
      engines: () => this.engines,
      onPanic: ({ url, role }) =>
        options.log.warn({ url, role }, 'probes of the engine are slow; it stays in use, none is better'),
    })
  }

  /** Publishes the first snapshot and starts all monitors. */
  start(): void {
    this.#publish()
    for (const spec of staticEngines(this.#options.config.engines)) {
      if (!this.#removed.has(keyOf(spec))) this.#start(spec)
    }
    // Engines added during a previous control thread stay monitored, and draining ones continue to drain.
    for (const { url, role, bootstrapPort, apiKey, kvEvents, kvEventsReplay } of this.engines) {
      const spec = { url, role, bootstrapPort, apiKey, kvEvents, kvEventsReplay }
      if (this.#removed.has(keyOf(spec))) this.#startDrain(spec, Promise.resolve())
      else this.#start(spec)
    }
    this.#reportJoining()
    this.#timer = setInterval(() => this.#poll(), POLL_INTERVAL_MS)
  }

  get engines(): readonly Engine[] {
    return this.#registry.snapshot().engines
  }

  /** Engines that `engines` does not have yet. */
  get joining(): readonly JoiningEngine[] {
    return [...this.#monitored.values()]
      .filter(({ spec }) => this.#registry.find(spec) === undefined)
      .map(({ spec: { url, role }, monitor }) => ({ url, role, error: monitor.lastError }))
  }

  /** Why the last probe of the engine has failed; `undefined` if it was good. */
  lastError(engine: Pick<Engine, 'url' | 'role'>): string | undefined {
    return this.#monitored.get(keyOf(engine))?.monitor.lastError
  }

  /** Returns `false` if the engine is known or still draining. The engine is registered once it responds. */
  add(spec: EngineSpec): boolean {
    const key = keyOf(spec)
    if (this.#monitored.has(key) || this.#drains.has(key)) return false
    if (this.#removed.delete(key)) this.#options.onRemoved([...this.#removed])
    this.#start(spec)
    this.#reportJoining()
    return true
  }

  /** Starts to drain all engines with the URL, whatever their role. Returns their number. */
  remove(url: string): number {
    const found = [...this.#monitored.values()].filter(({ spec }) => spec.url === url)
    for (const monitored of found) {
      const key = keyOf(monitored.spec)
      this.#monitored.delete(key)
      this.#removed.add(key)
      monitored.stop.abort()
      this.#startDrain(monitored.spec, monitored.done)
    }
    if (found.length > 0) this.#options.onRemoved([...this.#removed])
    this.#reportJoining()
    return found.length
  }

  /** Asks all engines for their models now. */
  refresh(): void {
    for (const { monitor } of this.#monitored.values()) monitor.refresh()
  }

  /** Closes the breaker of the engine and makes all its pairs usable. */
  resetFailures(slot: number): void {
    this.#options.breakers.reset(slot)
    this.#options.pairHealth.reset(slot)
  }

  /** Resolves when all monitors and drains have ended. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#timer)
    const monitors = [...this.#monitored.values()].map(({ done }) => done)
    await Promise.all([...monitors, ...this.#drains.values()])
  }

  #start(spec: EngineSpec): void {
    const key = keyOf(spec)
    if (this.#monitored.has(key)) return
    const stop = new AbortController()
    const monitor = this.#monitorOf(spec, AbortSignal.any([stop.signal, this.#closing.signal]))
    this.#monitored.set(key, { spec, monitor, stop, done: monitor.run(), failed: this.#totals(spec).failed })
  }

  #monitorOf(spec: EngineSpec, signal: AbortSignal): EngineMonitor {
    const { config, slots, log, onLost } = this.#options
    const { health, engines } = config
    const known = this.#registry.find(spec)
    const lastHealth = known === undefined ? 'unknown' : slots.health(known.slot)
    if (known !== undefined) this.#publisher.set(known, { health: lastHealth, isSlow: false })
    return new EngineMonitor({
      spec,
      lastHealth,
      health,
      engines,
      log,
      signal,
      isOwn: () => isOwnAddress(spec.url, this.#options.ownListeners()),
      served: () => this.#totals(spec).ok,
      onInfo: (info, isBack) => this.#onInfo(spec, info, isBack),
      onHealth: (state, isSlow) => {
        const engine = this.#registry.find(spec)
        if (engine === undefined) return
        // Earlier failures say nothing about an engine that is new or has recovered, so its breaker must not exclude it.
        if (state === 'healthy') this.resetFailures(engine.slot)
        this.#publisher.set(engine, { health: state, isSlow })
      },
      onLost: reason => {
        const engine = this.#registry.find(spec)
        if (engine !== undefined) onLost({ slot: engine.slot, generation: engine.generation, reason })
      },
    })
  }

  #onInfo(spec: EngineSpec, info: KnownEngine, isBack: boolean): void {
    if (!isBack && this.#registry.isCurrent(spec, info)) return
    const { url, role, models, slot } = this.#registry.put(spec, info)
    if (isBack) this.#options.onBack(slot)
    this.#options.log.info({ url, role, models }, 'engine registered')
    this.#publish()
    this.#reportJoining()
    this.#fleetCheck.changed()
  }

  /** Requests that have failed show sooner than periodic probes that an engine is gone, or is another one. */
  #poll(): void {
    this.#fleetCheck.reportWhenQuiet(() => this.engines)
    for (const monitored of this.#monitored.values()) {
      const { failed } = this.#totals(monitored.spec)
      if (failed === monitored.failed) continue
      monitored.failed = failed
      monitored.monitor.prompt()
    }
  }

  #totals(spec: EngineSpec): { readonly ok: number; readonly failed: number } {
    const engine = this.#registry.find(spec)
    return engine === undefined ? { ok: 0, failed: 0 } : this.#options.breakers.totals(engine.slot)
  }

  /** `monitored` settles when the monitor no longer sets the health of the engine. */
  #startDrain(spec: EngineSpec, monitored: Promise<void>): void {
    const key = keyOf(spec)
    const drained = this.#drain(spec, monitored).finally(() => this.#drains.delete(key))
    this.#drains.set(key, drained)
  }

  async #drain(spec: EngineSpec, monitored: Promise<void>): Promise<void> {
    const { slots, log, config } = this.#options
    await monitored
    const engine = this.#registry.find(spec)
    if (engine === undefined) return
    this.#publisher.forget(engine)
    slots.setHealth(engine.slot, 'draining')
    log.info({ url: spec.url, role: spec.role }, 'engine draining')
    const { signal } = this.#closing
    await untilIdle(() => slots.inFlight(engine.slot), { limitMs: config.admin.drainSecs * 1000, signal })
    if (signal.aborted) return
    const inFlight = slots.inFlight(engine.slot)
    this.#registry.remove(spec)
    this.#publish()
    log.info({ url: spec.url, role: spec.role, inFlight }, 'engine removed')
  }

  #reportJoining(): void {
    const { length } = this.joining
    if (length === this.#joiningCount) return
    this.#joiningCount = length
    this.#options.onJoining(length)
  }

  #publish(): void {
    this.#publisher.publish()
    this.#options.onSnapshot(this.#registry.snapshot())
  }
}
