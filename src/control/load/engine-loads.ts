/**
 * Asks the engines for their load, and notes what of it comes from others than this gateway, so that policies choose by the
 * whole load. Runs in the control thread.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import type { Engine, EngineSnapshot } from '../../core/engine.ts'
import type { EngineSlots, OthersLoad } from '../../shared/engine-slots.ts'
import { httpGet } from '../monitor/http-get.ts'
import { confirmed, NO_OTHERS, othersIn, parseLoads, type ReportedLoad, totalOf } from './load-report.ts'

export interface EngineLoadsOptions {
  readonly config: { readonly engines: Pick<Config['engines'], 'loadIntervalSecs'> }
  readonly slots: EngineSlots
}

/** Without the other sections, the engine collects less. */
const PATH = '/v1/loads?include=core'
const TIMEOUT_MS = 5000
/** How long an engine is not asked again that does not say. */
const SILENT_MS = 60_000

interface Watched {
  engine: Engine
  /** Until then it is not asked. On the clock of `performance.now`. */
  silentUntilMs: number
  /** What its last report has shown, by the number of the target. */
  readonly seen: Map<number, OthersLoad>
}

export class EngineLoads {
  readonly #options: EngineLoadsOptions
  readonly #closing = new AbortController()
  readonly #watched = new Map<string, Watched>()

  constructor(options: EngineLoadsOptions) {
    this.#options = options
    // What a previous control thread has noted may be of engines that are gone.
    options.slots.clearOthers()
    void this.#run()
  }

  /** Asks exactly the engines of the snapshot. vLLM does not report its load as SGLang does. */
  sync({ engines }: EngineSnapshot): void {
    const asked = new Map(engines.filter(({ isVllm }) => !isVllm).map(engine => [keyOf(engine), engine]))
    for (const [key, watched] of this.#watched) {
      if (asked.has(key)) continue
      this.#forget(watched)
      this.#watched.delete(key)
    }
    for (const [key, engine] of asked) {
      const watched = this.#watched.get(key)
      if (watched === undefined) this.#watched.set(key, { engine, silentUntilMs: 0, seen: new Map() })
      else watched.engine = engine
    }
  }

  close(): void {
    this.#closing.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    const intervalMs = this.#options.config.engines.loadIntervalSecs * 1000
    while (!signal.aborted) {
      await wait(intervalMs, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await Promise.all([...this.#watched.values()].map(watched => this.#ask(watched)))
    }
  }

  async #ask(watched: Watched): Promise<void> {
    const { engine } = watched
    if (performance.now() < watched.silentUntilMs) return
    if (!this.#options.slots.isHealthy(engine.slot)) return this.#forget(watched)
    const before = this.#ownOn(engine)
    const loads = await this.#loadsOf(engine)
    // Meanwhile the slot may be another engine's, or the engine may have become known to have ranks.
    if (this.#watched.get(keyOf(engine))?.engine !== engine) return
    if (loads === undefined) watched.silentUntilMs = performance.now() + SILENT_MS
    this.#note(watched, loads ?? [], before)
  }

  /** `undefined` if the engine does not say. */
  async #loadsOf({ url, apiKey }: Engine): Promise<readonly ReportedLoad[] | undefined> {
    const options = { timeoutMs: TIMEOUT_MS, signal: this.#closing.signal, apiKey }
    const response = await httpGet(`${url}${PATH}`, options).catch(() => undefined)
    return response?.status === 200 ? parseLoads(response.body) : undefined
  }

  /**
   * A request is counted here before the engine knows of it, and until the engine has ended it. `before`: own requests when
   * the engine was asked.
   */
  #note({ engine, seen }: Watched, loads: readonly ReportedLoad[], before: readonly number[]): void {
    const { slots } = this.#options
    const own = this.#ownOn(engine)
    for (const [rank, target] of this.#targetsOf(engine).entries()) {
      const load = engine.ranks === undefined ? totalOf(loads) : loads.find(row => row.rank === rank)
      const ownRequests = Math.max(own[rank] ?? 0, before[rank] ?? 0)
      const others = load === undefined ? NO_OTHERS : othersIn(load, ownRequests, engine.role)
      slots.noteOthers(target, confirmed(seen.get(target) ?? NO_OTHERS, others))
      seen.set(target, others)
    }
  }

  #forget({ engine, seen }: Watched): void {
    seen.clear()
    for (const target of this.#targetsOf(engine)) this.#options.slots.noteOthers(target, NO_OTHERS)
  }

  /** Requests of this gateway on each target of the engine. */
  #ownOn(engine: Engine): readonly number[] {
    const { slots } = this.#options
    if (engine.ranks === undefined) return [slots.inFlight(engine.slot)]
    return this.#targetsOf(engine).map(target => slots.rankInFlight(target))
  }

  /** The numbers by which shared memory counts the engine's ranks, or the engine. */
  #targetsOf({ slot, ranks }: Engine): readonly number[] {
    const { slots } = this.#options
    return Array.from({ length: ranks?.count ?? 1 }, (_, rank) => slots.targetOf(slot, rank))
  }
}

function keyOf({ slot, generation }: Engine): string {
  return `${slot} ${generation}`
}
