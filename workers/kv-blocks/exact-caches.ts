/**
 * What engines have cached of a prompt of token ids, as their KV events say. Engines evict from the end of a prompt, so
 * the blocks that one holds are those up to some point, which is found by halving.
 */
import type { KvBlockIndex } from '../../src/shared/kv-blocks/kv-block-index.ts'
import type { TokenBlocks } from './token-blocks.ts'

/** A prompt that can say which blocks of a size in tokens it has; `undefined` if it is no list of token ids. */
export interface TokenPrompt {
  tokenBlocks(blockSize: number): TokenBlocks | undefined
}

export interface ExactShare {
  /** What the engine holds of the prompt, 0 to 1. */
  readonly share: number
  /** It holds no more than that. If not, events were missed. */
  readonly isComplete: boolean
}

export class ExactCaches {
  readonly #index: Pick<KvBlockIndex, 'blockSize' | 'has' | 'isComplete'>

  constructor(index: Pick<KvBlockIndex, 'blockSize' | 'has' | 'isComplete'>) {
    this.#index = index
  }

  /** `undefined` if the engine's events do not arrive, or if they cannot be compared with the prompt. */
  shareOf(prompt: TokenPrompt, slot: number): ExactShare | undefined {
    const blockSize = this.#index.blockSize(slot)
    const blocks = blockSize === 0 ? undefined : prompt.tokenBlocks(blockSize)
    if (blocks === undefined || blocks.tokens === 0) return undefined
    const share = (this.#heldBlocks(blocks, slot) * blockSize) / blocks.tokens
    return { share, isComplete: this.#index.isComplete(slot) }
  }

  #heldBlocks({ states }: TokenBlocks, slot: number): number {
    let [held, missing] = [0, states.length + 1]
    while (missing - held > 1) {
      const middle = (held + missing) >>> 1
      const state = states[middle - 1]
      if (state !== undefined && this.#index.has(slot, state)) held = middle
      else missing = middle
    }
    return held
  }
}
