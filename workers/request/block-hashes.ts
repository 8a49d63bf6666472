/**
 * Cuts a prompt into blocks and hashes each together with all before it, so that equal hashes mean equal beginnings.
 *
 * Blocks are 256 bytes long at first and grow with the position, 8 to each doubling of it: a long prompt has few of them,
 * and how much of it is known is still found within an eighth. Each costs a look into the index, in memory that no cache
 * of the processor holds. Hot path: the bytes are read where they lie. They are in shared memory, and copying them to a
 * WebAssembly hash would take longer (10 µs of 32 KiB) than hashing them here (5 µs). No secret keeps others from making
 * equal hashes; all that they could gain is that a request goes to an engine that has not seen its prompt.
 */
import type { Range } from '../json/scan.ts'
import { BLOCK_ENDS, MAX_HASHED_BYTES } from '../kv-blocks/block-ends.ts'
import { type TokenBlocks, tokenBlocks } from '../kv-blocks/token-blocks.ts'

/** More than a chat template has. Of a longer seed, such as an image, only the edges are hashed, and its length. */
const MAX_SEED_BYTES = 32_768
const EDGE_BYTES = 1024
/** Four lanes of two words of 32 bits each. */
const STEP_BYTES = 32
const WORD_BYTES = 4
/** Odd numbers whose bits look random (xxHash's primes). */
const [PRIME_1, PRIME_2, PRIME_3, PRIME_4] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const

/** What is known of a prompt by its hashes. The lists have one element per whole block, in the order of the blocks. */
export interface PromptBlocks {
  /** Size of the prompt in bytes. */
  readonly bytes: number
  /** Half of the hash, a 32-bit integer: chooses the bucket of the index. */
  readonly keys: readonly number[]
  /** The other half, not 0: distinguishes the blocks of a bucket. */
  readonly tags: readonly number[]
}

/** Where the prompt lies in the request body. */
export interface PromptBytes {
  /** What the KV cache depends on besides the prompt, such as the model: hashed, but no part of any block. */
  readonly seeds: readonly Range[]
  /** The parts of the prompt, in the order in which the engine's template puts them, without what ends each. */
  readonly parts: readonly Range[]
  /** Equal tokens do not mean an equal KV cache, because of an adapter, a salt or an image. */
  readonly dependsOnMore?: boolean
}

/** `body` is only read, and only during the call. */
export function hashBlocks(body: Uint8Array, { seeds, parts }: PromptBytes): BlockHash {
  const hash = new BlockHash(body)
  for (const seed of seeds) hash.seed(seed)
  for (const part of parts) hash.add(part)
  return hash
}

/** Hash, 0 to 2^32-1, of the seeds and the first `maxBytes` of the prompt. `body` is only read. */
function hashBeginning(body: Uint8Array, { seeds, parts }: PromptBytes, maxBytes: number): number {
  const hash = new BlockHash(body)
  for (const seed of seeds) hash.seed(seed)
  let left = maxBytes
  for (const { start, end } of parts) {
    const cut = Math.min(end, start + left)
    hash.skip(start, cut)
    left -= cut - start
    if (left === 0) break
  }
  return hash.key
}

/** A prompt that is hashed when it is first needed, and once. */
export class HashedPrompt {
  readonly #body: Uint8Array
  readonly #where: PromptBytes
  #blocks: BlockHash | undefined
  #prefixKey: number | undefined
  #tokenBlocks: TokenBlocks | 'none' | undefined

  constructor(body: Uint8Array, where: PromptBytes) {
    this.#body = body
    this.#where = where
  }

  /** Size as the client wrote it; `undefined` if no prompt was found, as for one that is given as embeddings. */
  get bytes(): number | undefined {
    const { parts } = this.#where
    return parts.length === 0 ? undefined : parts.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  /** Hash, 0 to 2^32-1, of the first `maxBytes`, which must be the same in each call; `undefined` as for `bytes`. */
  prefixKey(maxBytes: number): number | undefined {
    if (this.#where.parts.length === 0) return undefined
    this.#prefixKey ??= hashBeginning(this.#body, this.#where, maxBytes)
    return this.#prefixKey
  }

  /** `undefined` if the prompt is shorter than a block. */
  get blocks(): PromptBlocks | undefined {
    this.#blocks ??= hashBlocks(this.#body, this.#where)
    return this.#blocks.keys.length > 0 ? this.#blocks : undefined
  }

  /** Hash, 0 to 2^32-1, of all of a prompt that is shorter than a block; `undefined` if it is longer, or has nothing in it. */
  get shortKey(): number | undefined {
    // Each part begins with what opens it.
    const isEmpty = (this.bytes ?? 0) <= this.#where.parts.length
    return isEmpty || this.blocks !== undefined ? undefined : this.#blocks?.key
  }

  /** In blocks of `blockSize` tokens. `undefined` if the prompt is no list of token ids, or if its cache depends on more. */
  tokenBlocks(blockSize: number): TokenBlocks | undefined {
    const known = this.#tokenBlocks
    if (known === 'none') return undefined
    if (known?.blockSize === blockSize) return known
    const { parts, dependsOnMore } = this.#where
    const [part, ...others] = parts
    const isAlone = part !== undefined && others.length === 0 && dependsOnMore !== true
    const blocks = isAlone ? tokenBlocks(this.#body, part, blockSize) : undefined
    this.#tokenBlocks = blocks ?? 'none'
    return blocks
  }
}

class BlockHash implements PromptBlocks {
  readonly keys: number[] = []
  readonly tags: number[] = []
  bytes = 0
  readonly #view: DataView
  readonly #lanes: Lanes = { a: PRIME_1 | 0, b: PRIME_2 | 0, c: PRIME_3 | 0, d: PRIME_4 | 0 }

  constructor(body: Uint8Array) {
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  }

  seed({ start, end }: Range): void {
    const bytes = end - start
    if (bytes <= MAX_SEED_BYTES) return this.skip(start, end)
    this.skip(start, start + EDGE_BYTES)
    this.skip(end - EDGE_BYTES, end)
    this.#lanes.d = mixed(this.#lanes.d ^ bytes)
  }

  /** Hashes what is no part of any block. */
  skip(start: number, end: number): void {
    this.#hash(start, end, { offset: 0, block: BLOCK_ENDS.length })
  }

  add({ start, end }: Range): void {
    const offset = start - this.bytes
    this.#hash(start, Math.min(end, MAX_HASHED_BYTES + offset), { offset, block: this.keys.length })
    // Padded, so that the next part begins with a whole step, as blocks end with one.
    this.bytes += Math.ceil((end - start) / STEP_BYTES) * STEP_BYTES
  }

  /** `block`: the next one to end. `offset`: where the prompt would begin if all before `start` were of one piece with it. */
  #hash(
    start: number,
    end: number,
    { offset, block }: { readonly offset: number; readonly block: number },
  ): void {
    const [view, lanes] = [this.#view, this.#lanes]
    let index = start
    for (let next = block; ; next++) {
      const blockEnd = (BLOCK_ENDS[next] ?? Infinity) + offset
      index = hashSteps(view, lanes, index, Math.min(blockEnd, end))
      if (blockEnd > end) break
      this.#endBlock()
    }
    const rest = end - index
    for (; index + WORD_BYTES <= end; index += WORD_BYTES)
      lanes.a = mixed(lanes.a ^ view.getInt32(index, true))
    for (; index < end; index++) lanes.c = mixed(lanes.c ^ view.getUint8(index))
    lanes.b = mixed(lanes.b ^ rest)
  }

  #endBlock(): void {
    const { a, b, c, d } = this.#lanes
    const [ac, bd] = [foldedPair(a, c, PRIME_2), foldedPair(b, d, PRIME_1)]
    this.keys.push(mixed(ac ^ Math.imul(bd, PRIME_3)))
    this.tags.push(mixed(bd ^ Math.imul(ac, PRIME_4)) || 1)
  }

  /** Of what was hashed so far, 0 to 2^32-1. */
  get key(): number {
    const { a, b, c, d } = this.#lanes
    const [ac, bd] = [foldedPair(a, c, PRIME_2), foldedPair(b, d, PRIME_1)]
    return mixed(ac ^ Math.imul(bd, PRIME_3)) >>> 0
  }
}

interface Lanes {
  a: number
  b: number
  c: number
  d: number
}

/**
 * Hashes whole steps up to `end` at most. A function of its own, because the processor has just enough registers for it.
 * @returns where it stopped
 */
function hashSteps(view: DataView, lanes: Lanes, start: number, end: number): number {
  let { a, b, c, d } = lanes
  let index = start
  for (; index + STEP_BYTES <= end; index += STEP_BYTES) {
    // One product serves two words. The second enters two lanes, or one change could undo another in the next step.
    const a2 = view.getInt32(index + 4, true)
    const b2 = view.getInt32(index + 12, true)
    const c2 = view.getInt32(index + 20, true)
    const d2 = view.getInt32(index + 28, true)
    a = (Math.imul((a + d2) ^ view.getInt32(index, true), PRIME_1) + a2) | 0
    b = (Math.imul((b + a2) ^ view.getInt32(index + 8, true), PRIME_2) + b2) | 0
    c = (Math.imul((c + b2) ^ view.getInt32(index + 16, true), PRIME_3) + c2) | 0
    d = (Math.imul((d + c2) ^ view.getInt32(index + 24, true), PRIME_4) + d2) | 0
    // A product's high bits depend on all bits, its low bits on few, so the high ones are brought down.
    a ^= a >>> 15
    b ^= b >>> 15
    c ^= c >>> 15
    d ^= d >>> 15
  }
  lanes.a = a
  lanes.b = b
  lanes.c = c
  lanes.d = d
  return index
}

/** Murmur's way: every bit of the two lanes changes about half of the bits of the word. */
function foldedPair(first: number, second: number, prime: number): number {
  return mixed(first ^ Math.imul(rotated(second), prime))
}

function rotated(bits: number): number {
  return (bits << 13) | (bits >>> 19)
}

function mixed(bits: number): number {
  const half = Math.imul(bits ^ (bits >>> 15), PRIME_2)
  return half ^ (half >>> 13)
}
