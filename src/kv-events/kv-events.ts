/**
 * Follows the KV events of all engines that compute prompts. Runs in the control thread; router threads read what it notes
 * in shared memory.
 */
import type { Config } from '../config/config.ts'
import { httpGet } from '../control/monitor/http-get.ts'
import type { Engine, EngineSnapshot } from '../core/engine.ts'
import { parseJson, parseObject } from '../core/text/parse-json.ts'
import type { EngineCaches } from '../shared/engine-caches.ts'
import { KvBlockIndex } from '../shared/kv-blocks/kv-block-index.ts'
import { type SharedMemory, targetOf } from '../shared/layout.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import { EngineFeed } from './engine-feed.ts'
import { type KvSource, sourceOfRank, sourceOfSglang, sourceOfVllm } from './sources.ts'

export interface KvEventsOptions {
  readonly config: Config
  readonly shared: SharedMemory
  readonly caches: EngineCaches
  readonly recorder: Recorder
  readonly log: Logger
}

const BOUND_EVERY_MS = 1000
const ASK_EVERY_MS = 60_000
const ASK_TIMEOUT_MS = 10_000
const NOT_FOUND = 404

export class KvEvents {
  readonly #options: KvEventsOptions
  readonly #index: KvBlockIndex
  readonly #feeds = new Map<string, EngineFeed>()
  /** Engines that cannot be followed and have been logged. */
  readonly #skipped = new Set<string>()
  /** What engines are being asked just now, by path: all ranks of an engine ask the same at once. */
  readonly #asked = new Map<string, Promise<string | undefined>>()
  readonly #closing = new AbortController()
  readonly #timer: NodeJS.Timeout
  #blocks = 0
  #connections = 0

  constructor(options: KvEventsOptions) {
    this.#options = options
    this.#index = new KvBlockIndex(options.shared)
    // What a previous control thread has noted cannot be taken back.
    this.#index.clear()
    this.#timer = setInterval(() => this.#boundCaches(), BOUND_EVERY_MS)
  }

  /** Follows exactly the engines of the snapshot. */
  sync({ engines }: EngineSnapshot): void {
    const wanted = new Map(
      engines.flatMap(engine => this.#ranksOf(engine).map(rank => [keyOf(engine, rank), { engine, rank }])),
    )
    for (const [key, feed] of this.#feeds) {
      if (wanted.has(key)) continue
      feed.close()
      this.#feeds.delete(key)
    }
    for (const [key, { engine, rank }] of wanted)
      if (!this.#feeds.has(key)) this.#feeds.set(key, this.#follow(engine, rank))
  }

  close(): void {
    clearInterval(this.#timer)
    this.#closing.abort()
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
  }

  /**
   * The ranks whose events are of use, `undefined` for an engine without ranks. Decode engines get the KV cache from
   * prefill, and of an engine that chooses the rank itself it is not known which one gets a request.
   */
  #ranksOf({ role, url, ranks, dpSize }: Engine): readonly (number | undefined)[] {
    if (role === 'decode') return []
    if (ranks !== undefined) return Array.from({ length: ranks.count }, (_, rank) => rank)
    if (dpSize === 1) return [undefined]
    if (!this.#skipped.has(url))
      this.#options.log.warn(
        { url, dpSize },
        'the KV events of the engine are not used, because it chooses its data-parallel rank itself',
      )
    this.#skipped.add(url)
    return []
  }

  #follow(engine: Engine, rank: number | undefined): EngineFeed {
    const { config, shared, caches, recorder, log } = this.#options
    const limits = config.policy.kvEvents
    return new EngineFeed({
      engine,
      rank,
      target: targetOf(engine.slot, rank ?? 0, shared.maxEngines),
      findSource: () => this.#findSource(engine, rank),
      askEveryMs: ASK_EVERY_MS,
      limits,
      index: this.#index,
      caches,
      recorder,
      log,
      random: Math.random,
      hasRoom: () => this.#blocks < limits.maxBlocks,
      onBlocks: blocks => {
        this.#blocks += blocks
        recorder.set('pdgw_control_kv_blocks', this.#blocks)
      },
      onConnections: change => {
        this.#connections += change
        recorder.set('pdgw_control_kv_event_connections', this.#connections)
      },
    })
  }

  async #findSource(engine: Engine, rank: number | undefined): Promise<KvSource | undefined> {
    const configured = configuredSource(this.#options.config, engine)
    if (configured !== undefined) return sourceOfRank(configured, rank ?? 0)
    const ask = (path: string): Promise<string | undefined> => this.#ask(engine, path)
    if (engine.isVllm)
      return sourceOfVllm(parseJson((await ask('/kv_event_sources')) ?? ''), rank, engine.url)
    const info = (await ask('/server_info')) ?? (await ask('/get_server_info')) ?? ''
    const source = sourceOfSglang(parseObject(info) ?? {}, engine.url)
    return source && sourceOfRank(source, rank ?? 0)
  }

  #ask({ url, apiKey }: Engine, path: string): Promise<string | undefined> {
    const asked = `${url}${path}`
    const underway = this.#asked.get(asked)
    if (underway !== undefined) return underway
    const { signal } = this.#closing
    const answer = httpGet(asked, { timeoutMs: ASK_TIMEOUT_MS, signal, apiKey })
      .then(({ status, body }) => (status === NOT_FOUND ? undefined : body))
      .finally(() => this.#asked.delete(asked))
    this.#asked.set(asked, answer)
    return answer
  }

  #boundCaches(): void {
    for (const feed of this.#feeds.values()) feed.boundCache()
  }
}

/** What an operator has said when the engine was added, or else in the configuration. */
function configuredSource({ engines }: Config, engine: Engine): KvSource | undefined {
  const configured = [...engines.prefill, ...engines.mixed].find(({ url }) => url === engine.url)
  const { kvEvents, kvEventsReplay } = engine.kvEvents === undefined ? { ...configured } : engine
  return kvEvents === undefined
    ? undefined
    : { endpoint: kvEvents, replayEndpoint: kvEventsReplay, topic: '' }
}

function keyOf({ slot, generation, isVllm }: Engine, rank: number | undefined): string {
  return `${slot} ${generation} ${isVllm} ${rank ?? ''}`
}
