import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LostEngine } from '../../../../src/core/engine.ts'
import { failLegOn } from '../../../../workers/attempt/lost-engine.ts'
import type { Failure } from '../../../../workers/classify/failure.ts'
import { chargeOf } from '../../../support/charge-of.ts'
import { engineOf } from '../../../support/engines.ts'

const PLAN = { prefill: engineOf({ slot: 1, generation: 4 }), decode: engineOf({ slot: 2, generation: 5 }) }

function failuresOf(lost: Pick<LostEngine, 'slot' | 'generation'>): Failure[] {
  const failures: Failure[] = []
  const leg = { fail: (failure: Failure) => void failures.push(failure) }
  failLegOn({ ...lost, reason: 'connect ECONNREFUSED' }, PLAN, { prefill: leg, decode: leg })
  return failures
}

for (const [leg, lost] of [
  ['prefill', { slot: 1, generation: 4 }],
  ['decode', { slot: 2, generation: 5 }],
] as const) {
  test(`the leg on the lost ${leg} engine fails, is charged to it and may be retried`, () => {
    const [failure, ...others] = failuresOf(lost)
    assert.ok(failure)
    assert.deepEqual([others, chargeOf(failure), failure.retry.kind], [[], leg, 'backoff'])
    assert.match(failure.error.message, new RegExp(`The ${leg} engine .* probes fail: connect ECONNREFUSED`))
  })
}

test('a leg on an engine that has got the slot of the lost one goes on', () => {
  assert.deepEqual(failuresOf({ slot: 2, generation: 4 }), [])
  assert.deepEqual(failuresOf({ slot: 0, generation: 4 }), [])
})
