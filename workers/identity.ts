/** Names for one attempt that nobody else uses: rids and rooms. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../src/core/random.ts'

const RID_BYTES = 16
const POOL_BYTES = 4096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * 32 hexadecimal digits. Fixed width, because engines match an abort by prefix: no rid may be the start of another.
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
 * 1..2^53-1: exact as a JSON number, and never 0, which decode engines take for "not written yet" and wait on for ever.
 */
export function newRoom(random: Random): number {
  return 1 + Math.floor(random() * (Number.MAX_SAFE_INTEGER - 1))
}
