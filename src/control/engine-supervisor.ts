/**
 * The engines for as long as the control thread lives: those of the configuration and those that are added, each
 * watched; one that is removed takes nothing new and goes once nothing is in flight on it. It stays away, also where
 * the configuration names it, until it is added again.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Engine, EngineSnapshot } from '../core/engine.ts'
import type { BreakerCells } from '../shared/breaker-cells.ts'
import type { EngineSlots } from '../shared/engine-slots.ts'
import type { PairHealth } from '../shared/pair-health.ts'
import type { Logger } from '../telemetry/log.ts'
import { type EngineSpec, staticEngines } from './discovery/static.ts'
import { EngineMonitor } from './engine-monitor.ts'
import { keyOf, Registry } from './registry.ts'

export interface EngineSupervisorOptions {
  readonly config: Config
  readonly slots: EngineSlots
  readonly breakers: BreakerCells
  readonly pairHealth: PairHealth
  readonly maxEngines: number
  /** The last snapshot of the thread before this one. */
  readonly known: EngineSnapshot
  /** Keys of the engines that were removed while that thread lived, or one before it. */
  readonly removed: readonly string[]
  readonly log: Logger
  readonly onSnapshot: (snapshot: EngineSnapshot) => void
  /** All keys that are removed now: whoever takes over must know them. */
  readonly onRemoved: (keys: readonly string[]) => void
  /** The slot is about to be given to another engine. */
  readonly onSlotTaken: (slot: number) => void
}

const DRAIN_POLL_INTERVAL_MS = 100

interface MonitoredEngine {
  readonly spec: EngineSpec
  readonly stop: AbortController
  readonly done: Promise<void>
}

export class EngineSupervisor {
  readonly #options: EngineSupervisorOptions
  readonly #registry: Registry
  readonly #monitored = new Map<string, MonitoredEngine>()
  readonly #drains = new Map<string, Promise<void>>()
  readonly #removed: Set<string>
  readonly #closing = new AbortController()

  constructor(options: EngineSupervisorOptions) {
    const { slots, onSlotTaken } = options
    this.#options = options
    this.#removed = new Set(options.removed)
    const table = {
      assign: (slot: number, generation: number) => {
        onSlotTaken(slot)
        slots.assign(slot, generation)
      },
      generation: (slot: number) => slots.generation(slot),
      inFlight: (slot: number) => slots.inFlight(slot),
    }
    this.#registry = new Registry(table, options.maxEngines, options.known)
  }

  /** Tells the first snapshot and starts all watches. */
  start(): void {
    this.#report()
    for (const spec of staticEngines(this.#options.config.engines)) {
      if (!this.#removed.has(keyOf(spec))) this.#start(spec)
    }
    // What was added while a thread before this one lived is followed on, what drained then drains on.
    for (const { url, role, bootstrapPort } of this.engines) {
      const spec = { url, role, bootstrapPort }
      if (this.#removed.has(keyOf(spec))) this.#startDrain(spec, Promise.resolve())
      else this.#start(spec)
    }
  }

  get engines(): readonly Engine[] {
    return this.#registry.snapshot().engines
  }

  /** `false`: it is known already, or still draining. The engine joins the registry when it answers. */
  add(spec: EngineSpec): boolean {
    const key = keyOf(spec)
    if (this.#monitored.has(key) || this.#drains.has(key)) return false
    if (this.#removed.delete(key)) this.#options.onRemoved([...this.#removed])
    this.#start(spec)
    return true
  }

  /** Starts to drain every engine with the URL, whatever its role; returns how many there are. */
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
    return found.length
  }

  /** Closes the engine's breaker and makes all its links whole. */
  resetFailures(slot: number): void {
    this.#options.breakers.reset(slot)
    this.#options.pairHealth.reset(slot)
  }

  /** Resolves when nothing of it runs any more. */
  async close(): Promise<void> {
    this.#closing.abort()
    const monitors = [...this.#monitored.values()].map(({ done }) => done)
    await Promise.all([...monitors, ...this.#drains.values()])
  }

  #start(spec: EngineSpec): void {
    const key = keyOf(spec)
    if (this.#monitored.has(key)) return
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#closing.signal])
    this.#monitored.set(key, { spec, stop, done: this.#monitor(spec, signal) })
  }

  #monitor(spec: EngineSpec, signal: AbortSignal): Promise<void> {
    const { config, slots, log } = this.#options
    const { health, engines } = config
    let slot = this.#registry.find(spec)?.slot
    return new EngineMonitor({
      spec,
      lastHealth: slot === undefined ? 'unknown' : slots.health(slot),
      health,
      engines,
      log,
      signal,
      onInfo: info => {
        const engine = this.#registry.put(spec, info)
        slot = engine.slot
        log.info({ url: spec.url, role: spec.role, models: engine.models }, 'engine is registered')
        this.#report()
      },
      onHealth: state => {
        if (slot === undefined) return
        // An engine that is new or has come back is not judged by what was before: traffic need not wait for a breaker.
        if (state === 'healthy') this.resetFailures(slot)
        slots.setHealth(slot, state)
      },
    }).run()
  }

  /** `watched`: settles when nobody sets the engine's health any more. */
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
    slots.setHealth(engine.slot, 'draining')
    log.info({ url: spec.url, role: spec.role }, 'engine is draining')
    const endMs = performance.now() + config.admin.drainSecs * 1000
    const { signal } = this.#closing
    // The first pause comes before the first look: a thread may have chosen the engine a moment before it drained.
    do {
      await wait(DRAIN_POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
    } while (!signal.aborted && slots.inFlight(engine.slot) > 0 && performance.now() < endMs)
    if (signal.aborted) return
    const leftOver = slots.inFlight(engine.slot)
    this.#registry.remove(spec)
    this.#report()
    log.info({ url: spec.url, role: spec.role, leftOver }, 'engine is removed')
  }

  #report(): void {
    this.#options.onSnapshot(this.#registry.snapshot())
  }
}
