/** Names for one attempt that nobody else uses: rids and rooms. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../../src/core/random.ts'

const RID_BYTES = 16
const POOL_BYTES = 4096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * 32 hexadecimal digits. Fixed width, because engines match an abort by prefix: no request's rid may be the start of
 * another's.
 * Drawn from a pool, since a call for sixteen bytes costs as much as one for thousands.
 */
export function newRid(): string {
  if (used + RID_BYTES > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  used += RID_BYTES
  return pool.toString('hex', used - RID_BYTES, used)
}

/**
 * One rid a prompt. The first is the start of all others, so that an engine told of it gives the whole batch up at once.
 * Told of one prompt after the other, it fails the batch at the first and knows the others by no rid any more: decode
 * would wait for their KV cache until a timeout. None of the others is the start of another.
 */
export function newRids(count: number): readonly string[] {
  const first = newRid()
  return Array.from({ length: count }, (_, at) =>
    at === 0 ? first : `${first}-${String(at).padStart(6, '0')}`,
  )
}

/** Those of the rids by which engines give the whole attempt up. */
export function abortRids(rids: readonly string[]): readonly string[] {
  return rids.length > 1 ? rids.slice(0, 1) : rids
}

/**
 * 1..2^53-1: exact as a JSON number, and never 0, which decode engines take for "not written yet" and wait on for ever.
 */
export function newRoom(random: Random): number {
  return 1 + Math.floor(random() * (Number.MAX_SAFE_INTEGER - 1))
}
