/**
 * Decodes the KV events that SGLang and vLLM publish. Pure.
 *
 * A payload is msgpack: a batch `[ts, [event, ...], rank]`, or a map of the same. An event is a map with the member `type`
 * (vLLM 0.32, SGLang 0.5.23) or an array that begins with its type (older versions of both); fields at the end, or at
 * their default, may be missing. Hashes are 64-bit integers, signed in SGLang and unsigned in vLLM, or 32 bytes. What
 * engines add to this is ignored.
 */
import { Unpackr } from 'msgpackr'

/** Blocks whose KV cache the engine now holds, each following the one before it. */
export interface StoredBlocks {
  readonly kind: 'stored'
  readonly hashes: readonly bigint[]
  /** The block before the first; `undefined` if the first begins a prompt. */
  readonly parent: bigint | undefined
  /** `blockSize` of each block, in order. */
  readonly tokens: readonly number[]
  readonly blockSize: number
}

interface RemovedBlocks {
  readonly kind: 'removed'
  readonly hashes: readonly bigint[]
}

interface ClearedBlocks {
  readonly kind: 'cleared'
}

export type KvEvent = StoredBlocks | RemovedBlocks | ClearedBlocks

export interface KvBatch {
  /** When the engine made the batch, on its own clock. */
  readonly ts: number
  readonly events: readonly KvEvent[]
  /** Events that say nothing about prompts of plain tokens in the memory of the GPU, and those of unknown types. */
  readonly ignored: number
  /** Events that do not have the form of their type. */
  readonly malformed: number
}

type Fields = Readonly<Record<string, unknown>>

/** The fields of an event that is an array, in the order in which both engines write them. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  BlockStored: [
    'block_hashes',
    'parent_block_hash',
    'token_ids',
    'block_size',
    'lora_id',
    'medium',
    'lora_name',
    'extra_keys',
    'group_idx',
  ],
  BlockRemoved: ['block_hashes', 'medium', 'group_idx'],
  AllBlocksCleared: [],
}

const HASH_BITS = 64
const HASH_BYTES = 8
const MAX_TOKEN = 2 ** 32 - 1

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'bigint' })

/** `undefined` if the payload is no batch. */
export function decodeBatch(payload: Uint8Array): KvBatch | undefined {
  const batch = unpacked(payload)
  const [ts, list] = Array.isArray(batch)
    ? [elementOf(batch, 0), elementOf(batch, 1)]
    : [recordOf(batch)['ts'], recordOf(batch)['events']]
  if (!Array.isArray(list)) return undefined
  const events: KvEvent[] = []
  let [ignored, malformed] = [0, 0]
  for (const item of list) {
    const event = eventOf(item)
    if (event === 'ignored') ignored++
    else if (event === undefined) malformed++
    else events.push(event)
  }
  return { ts: typeof ts === 'number' ? ts : 0, events, ignored, malformed }
}

function unpacked(payload: Uint8Array): unknown {
  try {
    return unpackr.unpack(payload)
  } catch {
    return undefined
  }
}

function eventOf(item: unknown): KvEvent | 'ignored' | undefined {
  const fields = Array.isArray(item) ? fromArray(item) : recordOf(item)
  const type = fields['type']
  if (typeof type !== 'string') return undefined
  if (!Object.hasOwn(FIELDS, type)) return 'ignored'
  if (type === 'AllBlocksCleared') return { kind: 'cleared' }
  if (!isPlain(fields)) return 'ignored'
  const hashes = hashesOf(fields['block_hashes'])
  if (hashes === undefined) return undefined
  return type === 'BlockRemoved' ? { kind: 'removed', hashes } : storedOf(fields, hashes)
}

function fromArray(item: readonly unknown[]): Fields {
  const [type, ...values] = item
  const names = typeof type === 'string' && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined
  return Object.fromEntries([['type', type], ...(names ?? []).map((name, index) => [name, values[index]])])
}

/**
 * Whether the blocks lie in the memory of the GPU and depend on tokens alone: not on an adapter, an image or a salt.
 * Models with several kinds of attention have a group of blocks for each, of which the first says enough.
 */
function isPlain(fields: Fields): boolean {
  const medium = fields['medium'] ?? 'GPU'
  const group = fields['group_idx'] ?? 0
  const keys = fields['extra_keys']
  return (
    medium === 'GPU' &&
    group === 0 &&
    isMissing(fields['lora_id']) &&
    isMissing(fields['lora_name']) &&
    isMissing(fields['cache_salt']) &&
    (isMissing(keys) || (Array.isArray(keys) && keys.every(isMissing)))
  )
}

function storedOf(fields: Fields, hashes: readonly bigint[]): StoredBlocks | 'ignored' | undefined {
  const { parent_block_hash: given, token_ids: tokens, block_size: blockSize } = fields
  const parent = isMissing(given) ? undefined : hashOf(given)
  if (parent === undefined && !isMissing(given)) return undefined
  if (!isInteger(blockSize) || blockSize < 1) return undefined
  if (!Array.isArray(tokens) || tokens.length !== hashes.length * blockSize) return undefined
  if (tokens.every(isToken)) return { kind: 'stored', hashes, parent, tokens, blockSize }
  // SGLang's speculative decoding has pairs of tokens instead of tokens.
  return tokens.every(Array.isArray) ? 'ignored' : undefined
}

function hashesOf(value: unknown): bigint[] | undefined {
  if (!Array.isArray(value)) return undefined
  const hashes = value.map(hashOf).filter(hash => hash !== undefined)
  return hashes.length === value.length ? hashes : undefined
}

/** Of a hash in bytes the first eight are enough: they are those of a SHA-256. */
function hashOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return BigInt.asUintN(HASH_BITS, value)
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? BigInt.asUintN(HASH_BITS, BigInt(value)) : undefined
  if (!(value instanceof Uint8Array) || value.length < HASH_BYTES) return undefined
  return new DataView(value.buffer, value.byteOffset, HASH_BYTES).getBigUint64(0)
}

function isToken(value: unknown): value is number {
  return isInteger(value) && value >= 0 && value <= MAX_TOKEN
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value)
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function elementOf(list: readonly unknown[], index: number): unknown {
  return list[index]
}

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
}
