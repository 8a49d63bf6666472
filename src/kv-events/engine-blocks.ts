/**
 * The blocks that one engine holds, by its own hashes, which its events name, and what of them is noted in the index for
 * router threads. An engine that computes equal prompts at the same time holds their blocks twice (vLLM), so a block is
 * gone once it has been removed as often as it was stored.
 */
import type { Knowledge, KvBlockIndex } from '../shared/kv-blocks/kv-block-index.ts'
import { CHAIN_START, type ChainState, TokenChain } from '../shared/kv-blocks/token-chain.ts'
import type { KvBatch, KvEvent, StoredBlocks } from './decode.ts'

export interface EngineBlocksOptions {
  readonly slot: number
  readonly index: Pick<KvBlockIndex, 'add' | 'remove' | 'setKnowledge'>
  /** Whether one more block may be kept, of whatever engine. */
  readonly hasRoom: () => boolean
  /** Called with the number of blocks that the engine holds more, or fewer. */
  readonly onChange: (blocks: number) => void
  /** The engine has dropped its whole cache. */
  readonly onCleared: () => void
  readonly onEvent: (kind: KvEventKind, events: number) => void
}

interface HeldBlock extends ChainState {
  /** How often the engine holds it. */
  copies: number
}

/** `unplaced`: stored blocks of which nothing can be noted, because what is before them is unknown or there is no room. */
type KvEventKind = KvEvent['kind'] | 'ignored' | 'malformed' | 'unplaced'

export class EngineBlocks {
  readonly #options: EngineBlocksOptions
  readonly #held = new Map<bigint, HeldBlock>()
  #knowledge: Knowledge = 'nothing'
  #blockSize = 0
  /** Tokens stored and removed since the last reset. */
  #stored = 0
  #removed = 0

  constructor(options: EngineBlocksOptions) {
    this.#options = options
  }

  /** Number of blocks that the engine is known to hold. */
  get size(): number {
    return this.#held.size
  }

  /** In tokens. `stored` and `removed`: since the last `resetTotals`. `held`: now. */
  get tokens(): { readonly stored: number; readonly removed: number; readonly held: number } {
    return { stored: this.#stored, removed: this.#removed, held: this.#held.size * this.#blockSize }
  }

  get knowledge(): Knowledge {
    return this.#knowledge
  }

  resetTotals(): void {
    this.#stored = 0
    this.#removed = 0
  }

  apply({ events, ignored, malformed }: KvBatch): void {
    for (const event of events) {
      this.#options.onEvent(event.kind, 1)
      if (event.kind === 'stored') this.#store(event)
      else if (event.kind === 'removed') for (const hash of event.hashes) this.#remove(hash)
      else this.#clear()
    }
    if (ignored > 0) this.#options.onEvent('ignored', ignored)
    if (malformed > 0) this.#options.onEvent('malformed', malformed)
    // A removal may be among them.
    if (malformed > 0 && this.#knowledge === 'all') this.setKnowledge('some')
  }

  setKnowledge(knowledge: Knowledge): void {
    this.#knowledge = knowledge
    this.#publish()
  }

  /** The engine is another one, or events were lost: what it holds is unknown. */
  forget(): void {
    this.#drop()
    this.#blockSize = 0
    this.setKnowledge('nothing')
  }

  #clear(): void {
    this.#drop()
    this.setKnowledge('all')
    this.#options.onCleared()
  }

  #drop(): void {
    const { slot, index, onChange } = this.#options
    for (const state of this.#held.values()) index.remove(slot, state)
    onChange(-this.#held.size)
    this.#held.clear()
    this.resetTotals()
  }

  #store({ hashes, parent, tokens, blockSize }: StoredBlocks): void {
    const { slot, index, hasRoom, onChange, onEvent } = this.#options
    const start = parent === undefined ? CHAIN_START : this.#held.get(parent)
    if (start === undefined || !this.#isOfSize(blockSize)) return onEvent('unplaced', 1)
    const chain = new TokenChain(start)
    for (const [block, hash] of hashes.entries()) {
      for (const token of tokens.slice(block * blockSize, (block + 1) * blockSize)) chain.add(token)
      this.#stored += blockSize
      const known = this.#held.get(hash)
      if (known !== undefined) known.copies++
      else if (!hasRoom() || !index.add(slot, chain)) return this.#giveUp()
      else {
        this.#held.set(hash, { a: chain.a, b: chain.b, copies: 1 })
        onChange(1)
      }
    }
  }

  /** There is no room, so the engine holds more than is noted. */
  #giveUp(): void {
    this.#options.onEvent('unplaced', 1)
    if (this.#knowledge === 'all') this.setKnowledge('some')
  }

  /** The first block says what size all have. */
  #isOfSize(blockSize: number): boolean {
    if (this.#blockSize === 0) {
      this.#blockSize = blockSize
      this.#publish()
    }
    return this.#blockSize === blockSize
  }

  #remove(hash: bigint): void {
    const block = this.#held.get(hash)
    if (block === undefined) return
    this.#removed += this.#blockSize
    block.copies--
    if (block.copies > 0) return
    const { slot, index, onChange } = this.#options
    this.#held.delete(hash)
    index.remove(slot, block)
    onChange(-1)
  }

  #publish(): void {
    this.#options.index.setKnowledge(this.#options.slot, this.#knowledge, this.#blockSize)
  }
}
