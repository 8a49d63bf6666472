/**
 * Follows the KV events of one engine, or of one data-parallel rank, from finding where it publishes them to what they
 * change, and says so in log and metrics.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Engine } from '../core/engine.ts'
import type { Random } from '../core/random.ts'
import type { EngineCaches } from '../shared/engine-caches.ts'
import type { KvBlockIndex } from '../shared/kv-blocks/kv-block-index.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Recorder } from '../telemetry/recorder.ts'
import { bounded } from './cache-bound.ts'
import { EngineBlocks } from './engine-blocks.ts'
import type { KvSource } from './sources.ts'
import { Subscription, type SubscriptionLimits } from './subscription.ts'

export interface FeedOptions {
  readonly engine: Engine
  /** The rank, if the engine has several. */
  readonly rank?: number | undefined
  /** The number by which shared memory counts the rank, or the slot of an engine without ranks. */
  readonly target: number
  /** Where the engine or its rank publishes; `undefined` if it does not. Rejects if the engine cannot be asked. */
  readonly findSource: () => Promise<KvSource | undefined>
  /** How often an engine is asked that publishes nothing, or not where it did before. */
  readonly askEveryMs: number
  readonly limits: Config['policy']['kvEvents']
  readonly index: KvBlockIndex
  readonly caches: EngineCaches
  readonly recorder: Recorder
  readonly log: Logger
  readonly random: Random
  /** Whether one more block may be kept, of whatever engine. */
  readonly hasRoom: () => boolean
  readonly onBlocks: (blocks: number) => void
  readonly onConnections: (connections: 1 | -1) => void
}

const CONNECT_TIMEOUT_MS = 5000

export class EngineFeed {
  readonly #options: FeedOptions
  readonly #blocks: EngineBlocks
  readonly #closing = new AbortController()
  #subscription: Subscription | undefined
  /** Runs while there is no connection. */
  #timer: NodeJS.Timeout | undefined
  #isConnected = false
  /** A lost connection has been logged, and is not again until there is one. */
  #isReported = false
  /** What the engine had computed when its tokens were last counted from 0. */
  #computedBefore: number

  constructor(options: FeedOptions) {
    const { engine, target, index, caches, hasRoom, onBlocks, recorder } = options
    this.#options = options
    this.#computedBefore = caches.computedBytes(target)
    this.#blocks = new EngineBlocks({
      slot: target,
      index,
      hasRoom,
      onChange: onBlocks,
      onCleared: () => this.#onEmpty(),
      onEvent: (kind, events) =>
        recorder.countEngine('pdgw_engine_kv_events_total', engine.slot, kind, events),
    })
    void this.#start()
  }

  /** Lets what the events prove bound what the engine is believed to remember of prompts without token ids. */
  boundCache(): void {
    const { target, caches } = this.#options
    if (this.#blocks.knowledge !== 'all') return
    const { stored, removed, held } = this.#blocks.tokens
    const known = caches.read(target)
    const learned = bounded(known, {
      computedBytes: (caches.computedBytes(target) - this.#computedBefore) >>> 0,
      storedTokens: stored,
      removedTokens: removed,
      heldTokens: held,
    })
    if (learned !== known) caches.write(target, learned)
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#subscription?.close()
    this.#setConnected(false)
    this.#blocks.forget()
  }

  /** For the log. */
  get #named(): { readonly url: string; readonly rank?: number } {
    const { engine, rank } = this.#options
    return { url: engine.url, ...(rank !== undefined && { rank }) }
  }

  async #start(): Promise<void> {
    const source = await this.#findSource()
    if (source === undefined || this.#closing.signal.aborted) return
    const { engine, target, caches, limits, log, recorder, random } = this.#options
    this.#subscription = new Subscription({
      source,
      limits: subscriptionLimits(limits),
      blocks: this.#blocks,
      random,
      onOpen: () => {
        this.#setConnected(true)
        this.#isReported = false
        clearTimeout(this.#timer)
        this.#timer = undefined
        log.info({ ...this.#named, ...source }, 'receiving the KV events of the engine')
      },
      onLost: reason => {
        this.#setConnected(false)
        this.#timer ??= setTimeout(() => this.#startAgain(), this.#options.askEveryMs)
        if (!this.#isReported)
          log.warn(
            { ...this.#named, endpoint: source.endpoint, reason },
            'no connection to the KV events of the engine; what it has cached is a guess until there is one',
          )
        this.#isReported = true
      },
      onGap: (outcome, missed) => {
        recorder.countEngine('pdgw_engine_kv_event_gaps_total', engine.slot, outcome)
        if (outcome === 'forgotten')
          log.warn(
            { ...this.#named, missed },
            'KV events of the engine were lost, so its blocks are forgotten; a replay endpoint would avoid that',
          )
      },
      onCaughtUp: () => {
        this.#blocks.resetTotals()
        this.#computedBefore = caches.computedBytes(target)
      },
      onMalformed: () => recorder.countEngine('pdgw_engine_kv_events_total', engine.slot, 'malformed'),
      onRestart: () => this.#onEmpty(),
    })
  }

  /** The engine may have been restarted with other ports. */
  #startAgain(): void {
    this.#timer = undefined
    this.#subscription?.close()
    this.#blocks.forget()
    void this.#start()
  }

  /** Asks until the engine says where it publishes, or the feed is closed. */
  async #findSource(): Promise<KvSource | undefined> {
    const { findSource, log, askEveryMs } = this.#options
    const { signal } = this.#closing
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const source = await findSource().catch(() => undefined)
      if (source !== undefined) return source
      if (isFirst) log.info(this.#named, 'the engine names no KV events; what it has cached is a guess')
      await wait(askEveryMs, undefined, { signal }).catch(() => undefined)
    }
    return undefined
  }

  /** The engine, or its rank, remembers nothing of any prompt. */
  #onEmpty(): void {
    const { target, caches } = this.#options
    caches.forgetOne(target)
    this.#computedBefore = caches.computedBytes(target)
  }

  #setConnected(isConnected: boolean): void {
    if (this.#isConnected !== isConnected) this.#options.onConnections(isConnected ? 1 : -1)
    this.#isConnected = isConnected
  }
}

function subscriptionLimits(limits: Config['policy']['kvEvents']): SubscriptionLimits {
  return {
    maxMessageBytes: limits.messageBytes,
    maxQueuedBytes: limits.replayBytes,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    replayTimeoutMs: limits.replayTimeoutMs,
    maxReconnectMs: limits.reconnectMs,
  }
}
