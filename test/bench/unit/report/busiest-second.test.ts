/** The busiest second is counted by the formulas of SGLang's bench_serving and vLLM's `bench serve`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { busiestSecondOf } from '../../../../bench/report/busiest-second.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const requestFrom = (sentMs: number, endMs: number) => recordOf({ sentMs, endMs })

test('a request counts in every second that it touches, from the first start on', () => {
  // Never more than two at once, but all four touch the second that begins at 1,500 ms.
  const records = [
    requestFrom(500, 1600),
    requestFrom(600, 1700),
    requestFrom(1800, 2100),
    requestFrom(2200, 9000),
  ]
  assert.equal(busiestSecondOf(resultOf(records)).requests, 4)
})

test('requests that failed or were refused do not count', () => {
  const records = [requestFrom(0, 100), recordOf({ outcome: 'failed' }), recordOf({ outcome: 'refused' })]
  assert.deepEqual(busiestSecondOf(resultOf(records)), { chunks: 6, requests: 1 })
})

test('without a success nothing was busy', () => {
  assert.equal(busiestSecondOf(resultOf([recordOf({ outcome: 'failed' })])).requests, 0)
})
