import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortsFor } from '../../../src/dispatch/orphaned-legs.ts'
import { engineOf } from '../../support/engines.ts'

test('an orphaned leg is aborted on each engine of its attempt, with the headers of its client', () => {
  const engines = [
    engineOf({ slot: 0, url: 'http://p', apiKey: 'own' }),
    engineOf({ slot: 2, url: 'http://d' }),
    // Without aborts, so that it gets none.
    engineOf({ slot: 3, url: 'http://vllm', isVllm: true }),
  ]
  const prefill = { url: 'http://p', apiKey: 'own' }
  const decode = { url: 'http://d', apiKey: undefined }
  const orphanedLegs = [
    { exchangeId: 5, prefillSlot: 0, decodeSlot: 2, rid: 'a' },
    { exchangeId: 6, prefillSlot: -1, decodeSlot: 2, rid: 'b' },
    // The engine in slot 9 was removed.
    { exchangeId: 6, prefillSlot: 0, decodeSlot: 9, rid: 'c' },
    { exchangeId: 6, prefillSlot: -1, decodeSlot: 3, rid: 'd' },
  ]
  assert.deepEqual(
    abortsFor(orphanedLegs, engines, id => ['authorization', `of ${id}`]),
    [
      { ...prefill, rid: 'a', headers: ['authorization', 'of 5'] },
      { ...decode, rid: 'a', headers: ['authorization', 'of 5'] },
      { ...decode, rid: 'b', headers: ['authorization', 'of 6'] },
      { ...prefill, rid: 'c', headers: ['authorization', 'of 6'] },
    ],
  )
})
