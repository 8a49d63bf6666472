/**
 * Follows the KV events of one engine: connects again when the connection is lost, and sees from the numbers of the
 * batches whether any is missing. What is missing is asked for again, or else everything is forgotten.
 *
 * Batches are numbered from 0 in each life of an engine. After a lost connection the engine may be another one: if it
 * keeps its batches, what they say replaces what was known, and if it does not, the next number shows it.
 */
import type { Random } from '../core/random.ts'
import { backoffMs } from '../resilience/backoff.ts'
import { decodeBatch } from './decode.ts'
import type { EngineBlocks } from './engine-blocks.ts'
import { Replay } from './replay.ts'
import type { KvSource } from './sources.ts'
import { ZmtpSocket } from './zmtp-socket.ts'

export interface SubscriptionLimits {
  readonly maxMessageBytes: number
  /** Of batches that arrive while others are asked for again. */
  readonly maxQueuedBytes: number
  readonly connectTimeoutMs: number
  readonly replayTimeoutMs: number
  readonly maxReconnectMs: number
}

export interface SubscriptionOptions {
  readonly source: KvSource
  readonly limits: SubscriptionLimits
  readonly blocks: Pick<EngineBlocks, 'apply' | 'forget' | 'setKnowledge' | 'knowledge'>
  readonly random: Random
  readonly onOpen: () => void
  /** The connection is lost, or could not be opened. */
  readonly onLost: (reason: string) => void
  /** `missed` batches were missing. `forgotten`: and could not be had again. */
  readonly onGap: (outcome: 'replayed' | 'forgotten', missed: number) => void
  /** What the engine has published before is applied. */
  readonly onCaughtUp: () => void
  /** A message that is no batch. */
  readonly onMalformed: () => void
  /** The engine counts from the beginning again: its process is another one, and its cache was empty. */
  readonly onRestart: () => void
}

interface Batch {
  readonly number: number
  readonly payload: Buffer
}

const RECONNECT = { initialBackoffMs: 200, backoffMultiplier: 2, jitterFactor: 0.5 }
const NUMBER_BYTES = 8
/** What a batch takes besides its bytes, at least. */
const ENTRY_BYTES = 128
/** Topic, number, payload. */
const FRAMES = 3

export class Subscription {
  readonly #options: SubscriptionOptions
  #socket: ZmtpSocket | undefined
  #replay: Replay | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  /** Number of the last batch; -1 if the engine has published none, `undefined` if it is unknown. */
  #last: number | undefined
  /** Nothing was missed since the engine's cache was empty. */
  #isWhole = false
  /** Number of the batch before which some were missing, for which the replay was asked. */
  #trigger: number | undefined
  /** Batches that have come during a replay. */
  #queue: Batch[] = []
  #queuedBytes = 0

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#connect()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#dropReplay()
    this.#socket?.close()
  }

  #connect(): void {
    const { source, limits } = this.#options
    this.#socket = new ZmtpSocket({
      ...limits,
      endpoint: source.endpoint,
      topic: source.topic,
      type: 'SUB',
      onReady: () => this.#onReady(),
      onMessage: frames => this.#onMessage(frames),
      onLost: reason => this.#onLost(reason),
    })
  }

  #onReady(): void {
    const { source, onOpen } = this.#options
    onOpen()
    if (source.replayEndpoint === undefined) return
    this.#forget()
    this.#startReplay(source.replayEndpoint, 0)
  }

  #onLost(reason: string): void {
    const { blocks, limits, random, onLost } = this.#options
    this.#dropReplay()
    blocks.setKnowledge('nothing')
    onLost(reason)
    this.#failures++
    const waitMs = backoffMs(this.#failures, { ...RECONNECT, maxBackoffMs: limits.maxReconnectMs }, random)
    this.#timer = setTimeout(() => this.#connect(), waitMs)
  }

  #onMessage(frames: readonly Buffer[]): void {
    const [, numberBytes, payload] = frames
    if (frames.length !== FRAMES || numberBytes?.length !== NUMBER_BYTES || payload === undefined)
      return this.#options.onMalformed()
    // Not before: what accepts connections and closes them at once is not asked every moment.
    this.#failures = 0
    const batch = { number: Number(numberBytes.readBigUInt64BE()), payload }
    if (this.#replay === undefined) this.#take(batch)
    else this.#enqueue(batch)
  }

  /** The number that the next batch should have. */
  get #next(): number {
    return (this.#last ?? -1) + 1
  }

  #take(batch: Batch): void {
    const { source, onRestart } = this.#options
    const missed = batch.number - this.#next
    if (missed < 0) {
      this.#forget()
      onRestart()
    }
    if (missed === 0 || source.replayEndpoint === undefined) return this.#applyInOrder(batch)
    this.#askBefore([batch], source.replayEndpoint)
  }

  /** Asks for what is missing before the first of the batches. */
  #askBefore(batches: readonly Batch[], endpoint: string): void {
    const trigger = batches[0]?.number ?? 0
    this.#startReplay(endpoint, Math.max(0, trigger - this.#next))
    this.#trigger = trigger
    for (const batch of batches) this.#enqueue(batch)
  }

  #enqueue({ number, payload }: Batch): void {
    // A copy, because a frame may keep a whole chunk of the socket in memory.
    this.#queue.push({ number, payload: Buffer.from(payload) })
    this.#queuedBytes += payload.length + ENTRY_BYTES
    if (this.#queuedBytes > this.#options.limits.maxQueuedBytes) this.#endReplay(false)
  }

  /** `missed`: batches that the engine should still have, 0 if that is unknown. */
  #startReplay(endpoint: string, missed: number): void {
    const from = this.#next
    this.#replay = new Replay({
      ...this.#options.limits,
      endpoint,
      from,
      onBatch: (number, payload) => this.#applyInOrder({ number, payload }),
      onEnd: isWhole => {
        if (missed > 0 && this.#next >= from + missed) this.#options.onGap('replayed', missed)
        this.#endReplay(isWhole)
      },
    })
  }

  #endReplay(isWhole: boolean): void {
    const [queue, trigger] = [this.#queue, this.#trigger]
    const { replayEndpoint } = this.#options.source
    this.#dropReplay()
    if (isWhole && this.#last === undefined) {
      this.#last = -1
      this.#isWhole = true
      this.#publish()
    }
    this.#options.onCaughtUp()
    for (const [index, batch] of queue.entries()) {
      // Lost while the replay was under way. What is missing before the trigger, the engine no longer has.
      const isNewGap = isWhole && batch.number > this.#next && batch.number !== trigger
      if (isNewGap && replayEndpoint !== undefined) return this.#askBefore(queue.slice(index), replayEndpoint)
      this.#applyInOrder(batch)
    }
  }

  #dropReplay(): void {
    this.#replay?.close()
    this.#replay = undefined
    this.#trigger = undefined
    this.#queue = []
    this.#queuedBytes = 0
  }

  /** Skips a batch that is known. Forgets everything if some are missing before this one. */
  #applyInOrder(batch: Batch): void {
    const missed = batch.number - this.#next
    if (missed < 0) return
    if (missed > 0 && this.#last !== undefined) {
      this.#options.onGap('forgotten', missed)
      this.#forget()
    }
    if (this.#last === undefined) this.#isWhole = batch.number === 0
    this.#apply(batch)
  }

  #apply({ number, payload }: Batch): void {
    const { blocks, onMalformed } = this.#options
    this.#last = number
    const batch = decodeBatch(payload)
    if (batch === undefined) {
      this.#isWhole = false
      onMalformed()
    }
    this.#publish()
    if (batch === undefined) return
    // Events may change what is known: one that clears everything says that all is, a malformed one that some is not.
    blocks.apply(batch)
    this.#isWhole = blocks.knowledge === 'all'
  }

  #publish(): void {
    const knowledge = this.#isWhole ? 'all' : 'some'
    const { blocks } = this.#options
    if (blocks.knowledge !== knowledge) blocks.setKnowledge(knowledge)
  }

  #forget(): void {
    this.#options.blocks.forget()
    this.#last = undefined
    this.#isWhole = false
  }
}
