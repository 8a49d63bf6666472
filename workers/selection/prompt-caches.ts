/**
 * What the engines are believed to have cached of a prompt, and what they have to compute of it: read for a choice, noted
 * when an attempt starts, and put right by what its engine reports.
 */
import { correctionOf, learn } from '../../src/policy/cache-window.ts'
import type { PromptView } from '../../src/policy/policy.ts'
import type { CacheCorrection, EngineCaches } from '../../src/shared/engine-caches.ts'
import type { Displaced, PrefixIndex } from '../../src/shared/prefix-index.ts'
import type { ExactCaches } from '../kv-blocks/exact-caches.ts'
import { BLOCK_ENDS, type HashedPrompt, type PromptBlocks } from '../request/block-hashes.ts'

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

/** A prompt that an engine computes for this thread. */
export interface PrefillTask {
  /** The share of the prompt that was expected to be cached, 0 to 1. */
  readonly predictedShare: number
  /** The prompt has been computed, or will not be. Further calls do nothing. */
  end(): void
  /** The engine reports how many of the prompt's tokens it had cached. */
  report(cachedTokens: number, promptTokens: number): void
}

/** Enough to distinguish prompts that begin alike, and less than the first message of most. */
const KEY_BYTES = 1024

export class PromptCaches {
  readonly #options: PromptCachesOptions
  /** By slot: blocks that the engine holds of the latest prompt. */
  #held: Uint16Array
  /** By slot: the engine's age when it last used the last of them. */
  #ages: Uint16Array

  constructor(options: PromptCachesOptions) {
    this.#options = options
    this.#held = new Uint16Array(options.maxEngines)
    this.#ages = new Uint16Array(options.maxEngines)
  }

  /** `targets`: the numbers of all engines and data-parallel ranks are smaller; by default those of engines. */
  makeRoom(targets: number): void {
    if (targets <= this.#held.length) return
    this.#held = new Uint16Array(targets)
    this.#ages = new Uint16Array(targets)
  }

  /** Valid until the next call of a method. `undefined` if prompts do not matter, or if this one is too short to be cached. */
  viewOf(prompt: HashedPrompt): PromptView | undefined {
    const blocks = this.#options.isUsed ? prompt.blocks : undefined
    if (blocks === undefined) return undefined
    const { caches } = this.#options
    this.#count(blocks, (slot, age) => caches.remembers(slot, age))
    return {
      bytes: blocks.bytes,
      cachedBytes: slot => this.#knownBytes(prompt, slot, this.#heldBytes(slot)),
      keyAfter: bytes => keyAfter(blocks, bytes),
    }
  }

  /**
   * Must be called when the engine of the slot gets the prompt; the slot may be the number of a data-parallel rank.
   * `undefined` as in `viewOf`.
   */
  start(prompt: HashedPrompt | undefined, slot: number): PrefillTask | undefined {
    const blocks = this.#options.isUsed ? prompt?.blocks : undefined
    if (prompt === undefined || blocks === undefined) return undefined
    const { index, caches, thread, nowMs, metrics } = this.#options
    // What it may have forgotten counts, too, because its report decides.
    this.#count(blocks, isAny)
    const used = this.#heldBytes(slot)
    const age = this.#ages[slot] ?? 0
    const since = caches.bytesSince(slot, age)
    const predicted = this.#knownBytes(prompt, slot, caches.remembers(slot, age) ? used : 0)
    const work = blocks.bytes - predicted
    const second = Math.floor(nowMs() / 1000)
    const displaced = index.note(blocks, slot, caches.age(slot), second)
    if (displaced.blocks > 0) metrics.blocksDisplaced(displaced)
    caches.computed(slot, work, second)
    const end = caches.holdWork(thread, slot, work)
    const report = (cachedTokens: number, promptTokens: number): void => {
      if (promptTokens === 0) return
      const cached = (cachedTokens / promptTokens) * blocks.bytes
      // More than was expected: it has displaced more of what the engine remembers.
      const extra = Math.round(blocks.bytes - cached) - work
      if (extra > 0) caches.computed(slot, extra, second)
      const known = caches.read(slot)
      const outcome = { age: since, bytes: used, cached, predicted, promptBytes: blocks.bytes }
      this.#noteCorrection(slot, correctionOf(known, outcome))
      const learned = used === 0 ? known : learn(known, outcome)
      if (learned !== known) caches.write(slot, learned)
    }
    return { predictedShare: predicted / blocks.bytes, end, report }
  }

  #noteCorrection(slot: number, kind: CacheCorrection | undefined): void {
    if (kind === undefined) return
    const { caches, metrics, maxEngines, nowMs } = this.#options
    caches.noteCorrection(slot, kind, Math.floor(nowMs() / 1000))
    metrics.predictionCorrected(slot % maxEngines, kind)
  }

  /**
   * What the engine says it holds, else `believed`. What it computes just now it cannot have said, and while events are
   * missing it may hold more than it has said.
   */
  #knownBytes(prompt: HashedPrompt, slot: number, believed: number): number {
    const { exact, caches, maxEngines } = this.#options
    // The events of engines with ranks are not followed.
    const said = slot < maxEngines ? exact?.shareOf(prompt, slot) : undefined
    if (said === undefined) return believed
    const bytes = Math.floor(said.share * (prompt.blocks?.bytes ?? 0))
    const isUnderway = caches.bytesSince(slot, this.#ages[slot] ?? 0) < caches.work(slot)
    return said.isComplete && !isUnderway ? bytes : Math.max(bytes, believed)
  }

  /** The size of what the engine holds of the latest prompt, in bytes. */
  #heldBytes(slot: number): number {
    const count = this.#held[slot] ?? 0
    // An index of -1 is slow to look up.
    return count === 0 ? 0 : (BLOCK_ENDS[count - 1] ?? 0)
  }

  #count(blocks: PromptBlocks, counts: (slot: number, age: number) => boolean): void {
    this.#held.fill(0)
    this.#options.index.count(blocks, this.#held, (slot, age) => {
      if (!counts(slot, age)) return false
      this.#ages[slot] = age
      return true
    })
  }
}

const isAny = (): boolean => true

/** The last block that ends within `KEY_BYTES` from there, or else the next one. */
function keyAfter({ keys }: PromptBlocks, offset: number): number {
  let block = 0
  while (block + 1 < keys.length && (BLOCK_ENDS[block] ?? Infinity) <= offset) block++
  while (block + 1 < keys.length && (BLOCK_ENDS[block + 1] ?? Infinity) <= offset + KEY_BYTES) block++
  return keys[block] ?? 0
}
