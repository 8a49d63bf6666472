/**
 * Asks the engines for their load, and notes what of it comes from other clients and gateways, so that policies choose by
 * the whole load. Runs in the control thread.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import type { Engine, EngineSnapshot } from '../../core/engine.ts'
import type { EngineSlots, OthersLoad } from '../../shared/engine-slots.ts'
import { NOT_SERVED } from '../monitor/engine-facts.ts'
import { httpGet } from '../monitor/http-get.ts'
import { confirmed, NO_OTHERS, othersIn, parseLoads, type ReportedLoad, totalOf } from './load-report.ts'

export interface EngineLoadsOptions {
  readonly config: { readonly engines: Pick<Config['engines'], 'loadIntervalSecs'> }
  readonly slots: EngineSlots
}

/** Without the other sections, the engine collects less. */
const PATH = '/v1/loads?include=core,disagg'
const TIMEOUT_MS = 5000
/** How long an engine is not asked again that does not report its load. */
const SILENT_MS = 60_000
/** Questions without an answer in a row after which what was known is outdated. */
const MAX_FAILURES = 3

/** What the last report of a target has shown. */
interface Seen {
  readonly timestamp: number
  readonly others: OthersLoad
}

interface Watched {
  readonly engine: Engine
  isAsked: boolean
  failures: number
  /** Until then it is not asked. On the clock of `performance.now`. */
  silentUntilMs: number
  /** By the number of the target. */
  readonly seen: Map<number, Seen>
  /** Own requests on each target when the engine was last asked. */
  own: readonly number[]
}

type Answer = readonly ReportedLoad[] | 'no answer' | 'not reported'

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
      this.#watched.delete(key)
      this.#forget(watched)
    }
    for (const [key, engine] of asked) if (!this.#watched.has(key)) this.#watched.set(key, watchedOf(engine))
  }

  close(): void {
    this.#closing.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    const intervalMs = this.#options.config.engines.loadIntervalSecs * 1000
    while (!signal.aborted) {
      await wait(intervalMs, undefined, { signal }).catch(() => undefined)
      // One that takes long to answer keeps no other waiting.
      if (!signal.aborted) for (const [key, watched] of this.#watched) void this.#ask(key, watched)
    }
  }

  /** Never rejects. */
  async #ask(key: string, watched: Watched): Promise<void> {
    const { engine } = watched
    if (watched.isAsked || performance.now() < watched.silentUntilMs) return
    if (!this.#options.slots.isHealthy(engine.slot)) return this.#forget(watched)
    const before = this.#ownOn(engine)
    watched.isAsked = true
    const answer = await this.#loadsOf(engine)
    watched.isAsked = false
    // Meanwhile the slot may be another engine's.
    if (this.#watched.get(key) !== watched) return
    if (answer === 'no answer') return this.#onFailure(watched)
    watched.failures = 0
    if (answer !== 'not reported') return this.#note(watched, answer, before)
    watched.silentUntilMs = performance.now() + SILENT_MS
    this.#forget(watched)
  }

  async #loadsOf({ url, apiKey }: Engine): Promise<Answer> {
    const options = { timeoutMs: TIMEOUT_MS, signal: this.#closing.signal, apiKey }
    const response = await httpGet(`${url}${PATH}`, options).catch(() => undefined)
    if (response?.status === 200) return parseLoads(response.body) ?? 'not reported'
    return response !== undefined && NOT_SERVED.has(response.status) ? 'not reported' : 'no answer'
  }

  /** An engine that is too busy to answer is the last to count as idle. */
  #onFailure(watched: Watched): void {
    watched.failures++
    if (watched.failures >= MAX_FAILURES) this.#forget(watched)
  }

  /**
   * A request is counted here before the engine knows of it, and until the engine has ended it; what the engine reports may
   * be older than the question. `before`: own requests when it was asked.
   */
  #note(watched: Watched, loads: readonly ReportedLoad[], before: readonly number[]): void {
    const { engine, own } = watched
    const now = this.#ownOn(engine)
    for (const [rank, target] of this.#options.slots.targetsOf(engine).entries()) {
      const load = engine.ranks === undefined ? totalOf(loads) : loads.find(row => row.rank === rank)
      const counts = [own, before, now].map(list => list[rank] ?? 0)
      if (load !== undefined) this.#noteTarget(watched, target, load, Math.max(...counts))
    }
    watched.own = before
  }

  /** A report that is read twice says nothing new. */
  #noteTarget({ engine, seen }: Watched, target: number, load: ReportedLoad, own: number): void {
    const { timestamp } = load
    const last = seen.get(target)
    if (timestamp > 0 && timestamp === last?.timestamp) return
    const others = othersIn(load, own, engine.role)
    this.#options.slots.noteOthers(target, confirmed(last?.others ?? NO_OTHERS, others))
    seen.set(target, { timestamp, others })
  }

  #forget(watched: Watched): void {
    watched.seen.clear()
    watched.failures = 0
    watched.own = []
    this.#options.slots.forgetOthers(watched.engine.slot)
  }

  /** Requests of this gateway on each target of the engine. */
  #ownOn(engine: Engine): readonly number[] {
    const { slots } = this.#options
    if (engine.ranks === undefined) return [slots.inFlight(engine.slot)]
    return slots.targetsOf(engine).map(target => slots.rankInFlight(target))
  }
}

function watchedOf(engine: Engine): Watched {
  return { engine, isAsked: false, failures: 0, silentUntilMs: 0, seen: new Map(), own: [] }
}

/** What was known of an engine is forgotten when this changes. */
function keyOf({ slot, generation, apiKey, ranks }: Engine): string {
  return [slot, generation, ranks?.count, apiKey].join(' ')
}
