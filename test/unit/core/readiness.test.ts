import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { readinessOf, readinessReport } from '../../../src/core/readiness.ts'
import { engineOf } from '../../support/engines.ts'

const ENGINES = [engineOf({ slot: 0, role: 'prefill' }), engineOf({ slot: 1, role: 'decode' })]

suite('A gateway that needs prefill and decode engines', () => {
  for (const [healthySlots, reason] of [
    [[0, 1], undefined],
    [[0], 'no healthy decode engine'],
    [[1], 'no healthy prefill engine'],
    [[], 'no healthy prefill and no healthy decode engine'],
  ] as const)
    test(`is ${reason === undefined ? 'ready' : `not ready (${reason})`} with ${healthySlots.length} healthy`, () => {
      const healthy = new Set<number>(healthySlots)
      const slots = { isHealthy: (slot: number) => healthy.has(slot) }
      const readiness = readinessOf(['prefill', 'decode'], ENGINES, slots, 1)
      // One more is configured and has not responded yet.
      const counts = { healthyEngines: healthy.size, totalEngines: 3 }
      const expected =
        reason === undefined ? { isReady: true, ...counts } : { isReady: false, reason, ...counts }
      assert.deepEqual(readiness, expected)
    })
})

suite('The report on readiness', () => {
  const READY = { isReady: true, healthyEngines: 2, totalEngines: 3 }
  const NOT_READY = { isReady: false, reason: 'no healthy decode engine', healthyEngines: 1, totalEngines: 3 }

  test('counts engines under the names of the Rust routers', () => {
    const body = { status: 'ready', healthy_workers: 2, total_workers: 3 }
    assert.deepEqual(readinessReport(READY, false), { status: 200, body })
  })

  test('gives the reason for not being ready', () => {
    const { reason } = NOT_READY
    const body = { status: 'not ready', reason, healthy_workers: 1, total_workers: 3 }
    assert.deepEqual(readinessReport(NOT_READY, false), { status: 503, body })
  })

  for (const readiness of [READY, NOT_READY])
    test(`is negative during a shutdown (${readiness.healthyEngines} healthy engines)`, () => {
      assert.partialDeepStrictEqual(readinessReport(readiness, true), {
        status: 503,
        body: { status: 'not ready', reason: 'shutting-down' },
      })
    })
})
