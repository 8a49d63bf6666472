import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { minDescriptors, openFilesLimit, shareDescriptors } from '../../../src/process/descriptor-budget.ts'

const NEEDS = { limit: 65_536, socketsPerRequest: 2, queueSize: 16_384, maxSockets: 0, threads: 1 }

suite('Descriptors', () => {
  test('are divided between queued requests, one each, and running ones, three each', () => {
    const { upstreamSockets, liveRequests, clients } = shareDescriptors(NEEDS)
    assert.deepEqual([upstreamSockets, liveRequests, clients], [32_714, 16_357, 32_742])
    assert.ok(clients >= NEEDS.queueSize + liveRequests)
  })

  test('leave a quarter to engines when there are few', () => {
    const { upstreamSockets, liveRequests, clients } = shareDescriptors({ ...NEEDS, limit: 512 })
    assert.deepEqual([upstreamSockets, liveRequests, clients], [108, 54, 324])
  })

  test('are kept for connections to the control thread, half as many more than its limit, up to a thirty-second of all', () => {
    for (const [limit, adminListeners, max] of [
      [65_536, 1, 32],
      [512, 1, 10],
      [512, 2, 5],
      [64, 2, 2],
    ] as const) {
      const needs = { ...NEEDS, limit, adminListeners, maxSockets: 1 }
      const [none, some] = [0, 32].map(wanted => shareDescriptors({ ...needs, adminConnections: wanted }))
      assert.equal(some?.adminConnections, max)
      if (limit > 64) assert.equal((none?.clients ?? 0) - some.clients, adminListeners * max * 1.5)
    }
  })

  test('hold one engine connection per request in mixed mode', () => {
    assert.equal(shareDescriptors({ ...NEEDS, limit: 512, socketsPerRequest: 1 }).liveRequests, 108)
  })

  test('are divided as configured, as far as they suffice', () => {
    assert.equal(shareDescriptors({ ...NEEDS, maxSockets: 100 }).liveRequests, 50)
    assert.ok(shareDescriptors({ ...NEEDS, limit: 512, maxSockets: 9000 }).upstreamSockets < 512)
  })

  test('do not limit anything if their number is unknown', () => {
    const { upstreamSockets, liveRequests, clients } = shareDescriptors({ ...NEEDS, limit: Infinity })
    assert.deepEqual([upstreamSockets, liveRequests, clients], [0, Infinity, Infinity])
  })

  test('are needed by every listener and thread', () => {
    assert.deepEqual([minDescriptors(1, 16), minDescriptors(1, 1), minDescriptors(8, 16)], [64, 49, 120])
  })

  test('allow one running request even when there are very few', () => {
    assert.ok(shareDescriptors({ ...NEEDS, limit: 20 }).liveRequests >= 1)
  })
})

for (const [text, expected] of [
  [
    'Limit  Soft Limit  Hard Limit  Units\nMax open files            20000                20000                files\n',
    20_000,
  ],
  ['Max open files            unlimited            unlimited            files\n', Infinity],
  ['', Infinity],
] as const)
  test(`reads a limit of ${expected}`, () => assert.equal(openFilesLimit(text), expected))
