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
import type { SharedMemory } from '../shared/layout.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import { EngineFeed } from './engine-feed.ts'
import { type KvSource, sourceOfSglang, sourceOfVllm } from './sources.ts'

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
  /** Engines with several ranks that have been logged. */
  readonly #skipped = new Set<string>()
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
      engines.filter(engine => this.#isWanted(engine)).map(engine => [keyOf(engine), engine]),
    )
    for (const [key, feed] of this.#feeds) {
      if (wanted.has(key)) continue
      feed.close()
      this.#feeds.delete(key)
    }
    for (const [key, engine] of wanted) if (!this.#feeds.has(key)) this.#feeds.set(key, this.#follow(engine))
  }

  close(): void {
    clearInterval(this.#timer)
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
  }

  /** Decode engines get the KV cache from prefill. Of several ranks it is not known which one gets a request. */
  #isWanted(engine: Engine): boolean {
    if (engine.role === 'decode') return false
    if (engine.dpSize > 1 && !this.#skipped.has(engine.url)) {
      this.#skipped.add(engine.url)
      const { url, dpSize } = engine
      this.#options.log.warn(
        { url, dpSize },
        'KV events of engines with several data-parallel ranks are not used',
      )
    }
    return engine.dpSize === 1
  }

  #follow(engine: Engine): EngineFeed {
    const { config, caches, recorder, log } = this.#options
    const limits = config.policy.kvEvents
    return new EngineFeed({
      engine,
      findSource: (of, signal) => this.#findSource(of, signal),
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

  async #findSource(engine: Engine, signal: AbortSignal): Promise<KvSource | undefined> {
    const configured = configuredSource(this.#options.config, engine)
    if (configured !== undefined) return configured
    const ask = async (path: string): Promise<string | undefined> => {
      const options = { timeoutMs: ASK_TIMEOUT_MS, signal, apiKey: engine.apiKey }
      const { status, body } = await httpGet(`${engine.url}${path}`, options)
      return status === NOT_FOUND ? undefined : body
    }
    if (engine.isVllm) return sourceOfVllm(parseJson((await ask('/kv_event_sources')) ?? ''), engine.url)
    const info = (await ask('/server_info')) ?? (await ask('/get_server_info')) ?? ''
    return sourceOfSglang(parseObject(info) ?? {}, engine.url)
  }

  #boundCaches(): void {
    for (const feed of this.#feeds.values()) feed.boundCache()
  }
}

function configuredSource({ engines }: Config, { url }: Engine): KvSource | undefined {
  const found = [...engines.prefill, ...engines.mixed].find(engine => engine.url === url)
  return found?.kvEvents === undefined
    ? undefined
    : { endpoint: found.kvEvents, replayEndpoint: found.kvEventsReplay, topic: '' }
}

function keyOf({ slot, generation }: Engine): string {
  return `${slot} ${generation}`
}
