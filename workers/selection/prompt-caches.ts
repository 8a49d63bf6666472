/**
 * What the engines are believed to have cached of a prompt, and what they have to compute of it: read for a choice, noted
 * when an attempt starts, and put right by what its engine reports.
 */
import type { PromptView } from '../../src/policy/policy.ts'
import type { CacheCorrection, EngineCaches } from '../../src/shared/engine-caches.ts'
import { type Displaced, PrefixHolders, type PrefixIndex } from '../../src/shared/prefix-index.ts'
import { BLOCK_ENDS } from '../kv-blocks/block-ends.ts'
import type { ExactCaches } from '../kv-blocks/exact-caches.ts'
import type { HashedPrompt, PromptBlocks } from '../request/block-hashes.ts'
import { PredictedTask, type Prediction, type PrefillTask, type TaskContext } from './prefill-task.ts'

export interface PromptCachesOptions {
  /** Whether any policy needs prompts. If not, nothing is hashed. */
  readonly isUsed: boolean
  readonly index: PrefixIndex
  readonly caches: EngineCaches
  /** What KV events say, which comes before what is believed. */
  readonly exact?: Pick<ExactCaches, 'shareOf'> | undefined
  readonly thread: number
  readonly maxEngines: number
  /** On the process clock. */
  readonly nowMs: () => number
  readonly metrics: CacheMetrics
}

interface CacheMetrics {
  /** `displaced` is valid during the call only. */
  blocksDisplaced(displaced: Displaced): void
  predictionCorrected(slot: number, kind: CacheCorrection): void
}

/** Enough to distinguish prompts that begin alike, and less than the first message of most. */
const KEY_BYTES = 1024

export class PromptCaches {
  readonly #options: PromptCachesOptions
  readonly #view: LatestPrompt
  readonly #context: TaskContext
  /** Of the prompt that `#view` shows. */
  #holders: PrefixHolders

  constructor(options: PromptCachesOptions) {
    this.#options = options
    this.#holders = new PrefixHolders(options.maxEngines)
    const { caches, thread } = options
    const noteCorrection = (slot: number, kind: CacheCorrection): void => this.#noteCorrection(slot, kind)
    const forgetPrompt = (prediction: Prediction): void => this.#forgetPrompt(prediction)
    this.#context = { caches, thread, noteCorrection, forgetPrompt }
    this.#view = new LatestPrompt((prompt, slot) => this.#cachedBytes(prompt, slot))
  }

  /** `targets`: the numbers of all engines and data-parallel ranks are smaller; by default those of engines. */
  makeRoom(targets: number): void {
    if (targets <= this.#holders.used.length) return
    this.#holders = new PrefixHolders(targets)
    this.#view.clear()
  }

  /** Valid until the next call of a method. `undefined` if prompts do not matter, or if this one is too short to be cached. */
  viewOf(prompt: HashedPrompt): PromptView | undefined {
    const blocks = this.#options.isUsed ? prompt.blocks : undefined
    if (blocks === undefined) return undefined
    this.#count(prompt, blocks)
    return this.#view
  }

  /**
   * Must be called when the engine of the slot gets the prompt; the slot may be the number of a data-parallel rank.
   * `undefined` as in `viewOf`.
   */
  start(prompt: HashedPrompt | undefined, slot: number): PrefillTask | undefined {
    const blocks = this.#options.isUsed ? prompt?.blocks : undefined
    if (prompt === undefined || blocks === undefined) return undefined
    const { caches, nowMs } = this.#options
    // The engine was chosen by the view just now, unless there was no other.
    if (!this.#view.shows(prompt)) this.#count(prompt, blocks)
    const second = Math.floor(nowMs() / 1000)
    const prediction: Prediction = {
      slot,
      blocks,
      heldBlocks: this.#holders.held[slot] ?? 0,
      promptBytes: blocks.bytes,
      predicted: this.#cachedBytes(prompt, slot),
      isUnderway: this.#isUnderway(slot),
      // What it may have forgotten counts, too, because its report decides.
      usedBytes: bytesOf(this.#holders.used[slot]),
      age: caches.bytesSince(slot, this.#holders.usedAges[slot] ?? 0),
      window: caches.window(slot),
      second,
    }
    this.#note(blocks, slot, second)
    return new PredictedTask(prediction, this.#context)
  }

  /** Must be called when the decode engine of the slot gets the KV cache of the prompt: it is believed to keep it. */
  noteReceived(prompt: HashedPrompt, slot: number): void {
    const blocks = this.#options.isUsed ? prompt.blocks : undefined
    if (blocks === undefined) return
    const { caches, nowMs } = this.#options
    if (!this.#view.shows(prompt)) this.#count(prompt, blocks)
    const second = Math.floor(nowMs() / 1000)
    const missing = blocks.bytes - bytesOf(this.#holders.held[slot])
    this.#note(blocks, slot, second)
    caches.computed(slot, missing, second)
  }

  /** What was counted is outdated then, and the prompt is not kept in memory for it. */
  #note(blocks: PromptBlocks, slot: number, second: number): void {
    const { index, caches, metrics } = this.#options
    const displaced = index.note(blocks, slot, caches.age(slot), second)
    if (displaced.blocks > 0) metrics.blocksDisplaced(displaced)
    this.#view.clear()
  }

  /** If it was computed all the same, its next use shows that. */
  #forgetPrompt({ blocks, heldBlocks, slot }: Prediction): void {
    this.#options.index.remove(blocks, heldBlocks, slot)
    this.#view.clear()
  }

  #noteCorrection(slot: number, kind: CacheCorrection): void {
    const { caches, metrics, maxEngines, nowMs } = this.#options
    caches.noteCorrection(slot, kind, Math.floor(nowMs() / 1000))
    metrics.predictionCorrected(slot % maxEngines, kind)
  }

  /**
   * What the engine says it holds, else what it is believed to hold. What it computes just now it cannot have said, and
   * while events are missing it may hold more than it has said.
   */
  #cachedBytes(prompt: HashedPrompt, slot: number): number {
    const believed = bytesOf(this.#holders.held[slot])
    const said = this.#options.exact?.shareOf(prompt, slot)
    if (said === undefined) return believed
    const bytes = Math.floor(said.share * (prompt.blocks?.bytes ?? 0))
    return said.isComplete && !this.#isUnderway(slot) ? bytes : Math.max(bytes, believed)
  }

  /** Whether the engine may still be computing what it is believed to hold: it has more to compute than it got since. */
  #isUnderway(slot: number): boolean {
    const { caches } = this.#options
    if (this.#holders.held[slot] === 0) return false
    return caches.bytesSince(slot, this.#holders.heldAges[slot] ?? 0) < caches.work(slot)
  }

  #count(prompt: HashedPrompt, blocks: PromptBlocks): void {
    this.#options.index.count(blocks, this.#holders, this.#options.caches)
    this.#view.set(prompt, blocks)
  }
}

/** One for all prompts, because a view is made for every choice and used only during it. */
class LatestPrompt implements PromptView {
  readonly #cachedBytes: (prompt: HashedPrompt, slot: number) => number
  #prompt: HashedPrompt | undefined
  #blocks: PromptBlocks | undefined

  constructor(cachedBytes: (prompt: HashedPrompt, slot: number) => number) {
    this.#cachedBytes = cachedBytes
  }

  set(prompt: HashedPrompt, blocks: PromptBlocks): void {
    this.#prompt = prompt
    this.#blocks = blocks
  }

  clear(): void {
    this.#prompt = undefined
    this.#blocks = undefined
  }

  shows(prompt: HashedPrompt): boolean {
    return this.#prompt === prompt
  }

  get bytes(): number {
    return this.#blocks?.bytes ?? 0
  }

  cachedBytes(slot: number): number {
    return this.#prompt === undefined ? 0 : this.#cachedBytes(this.#prompt, slot)
  }

  keyAfter(bytes: number): number {
    return this.#blocks === undefined ? 0 : keyAfter(this.#blocks, bytes)
  }
}

/** The size of this many blocks from the beginning of a prompt, in bytes. */
function bytesOf(blocks: number | undefined): number {
  // An index of -1 is slow to look up.
  return blocks === undefined || blocks === 0 ? 0 : (BLOCK_ENDS[blocks - 1] ?? 0)
}

/** The last block that ends within `KEY_BYTES` from there, or else the next one. */
function keyAfter({ keys }: PromptBlocks, offset: number): number {
  let block = 0
  while (block + 1 < keys.length && (BLOCK_ENDS[block] ?? Infinity) <= offset) block++
  while (block + 1 < keys.length && (BLOCK_ENDS[block + 1] ?? Infinity) <= offset + KEY_BYTES) block++
  return keys[block] ?? 0
}
