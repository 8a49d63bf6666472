/** A lease of one request on an engine without a bound, for tests that only need something to be in flight. */
import assert from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import type { EngineSlots } from '../../src/shared/engine-slots.ts'
import { Lease } from '../../src/shared/leases.ts'

export function heldLease(slots: EngineSlots, thread: number, engine: Engine): Lease {
  const lease = Lease.tryAcquire(slots, thread, engine, { capacity: Infinity })
  assert.ok(lease)
  return lease
}
