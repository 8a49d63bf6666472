/** Breakers shared by real threads: no count is lost, and one probe is granted at a time. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { BreakerCells } from '../../../../src/shared/breaker-cells.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import type { HammerTask } from '../../../support/breaker-hammer.ts'

const THREADS = 4
const COUNTS = 300_000

test('threads that count and claim at the same time lose no count and share no probe', async () => {
  const memory = createSharedMemory(2, THREADS)
  const cells = new BreakerCells(memory)
  cells.swap(1, { kind: 'closed' }, { kind: 'open', untilMs: 999_999 })
  const held = await Promise.all(
    Array.from({ length: THREADS }, async () => {
      const workerData: HammerTask = { memory, counts: COUNTS, claims: 1000 }
      const worker = new Worker(new URL('../../../support/breaker-hammer.ts', import.meta.url), {
        workerData,
      })
      // Awaited together: the last message of a thread may be delivered in the same turn as its exit.
      const [messages] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
      return Number(messages[0])
    }),
  )
  assert.deepEqual(cells.window(0, 3), {
    ok: (THREADS * COUNTS) / 2,
    failed: (THREADS * COUNTS) / 2,
    inARow: cells.window(0, 3).inARow,
  })
  assert.equal(
    held.reduce((sum, count) => sum + count, 0),
    1,
  )
})
