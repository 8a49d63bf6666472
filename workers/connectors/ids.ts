/** Generates the identifiers of an attempt: rids and bootstrap rooms. */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../../src/core/random.ts'

const RID_BYTES = 16
const POOL_BYTES = 4096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * Returns 32 hexadecimal digits. The width is fixed because an abort of a rid also aborts every rid that begins with it
 * (the scheduler compares with `startswith`: SGLang 2026-07, confirmed on 0.5.23), so no rid may be a prefix of another.
 *
 * Random bytes come from a pool, because a call for sixteen bytes costs as much as one for thousands.
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
 * Returns a room from 1 to 2^53 - 1: exact as a JSON number, and never 0, which decode takes for "not written yet" and
 * waits on without a timeout (SGLang 2026-07, confirmed on 0.5.23).
 */
export function newRoom(random: Random): number {
  return 1 + Math.floor(random() * (Number.MAX_SAFE_INTEGER - 1))
}
