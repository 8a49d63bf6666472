/** Tests of bench/routers/costs/sample.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedSample, wrkSample } from '../../../../../bench/routers/costs/sample.ts'
import { recordOf, resultOf } from '../../../../support/load-result.ts'
import { peerSample } from '../../../../support/peer-samples.ts'

const COST = { cpuUs: 500, rssMib: 30, units: 2 }
const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'altered', detail: 'at token 3' } })

test('wrk: an error status is a wrong answer, a lost connection a missing one', () => {
  const seen = { requests: 100, durationMs: 1000, p50Ms: 1, p99Ms: 2, statusErrors: 4, socketErrors: 6 }
  const { asked, right, complaint } = wrkSample(peerSample(), seen)
  assert.deepEqual([asked, right], [106, 96])
  assert.equal(complaint, '4 error statuses, 6 connections failed or timed out')
})

test('wrk: nothing to complain of when all went well', () => {
  const seen = { requests: 100, durationMs: 1000, p50Ms: 1, p99Ms: 2, statusErrors: 0, socketErrors: 0 }
  assert.equal(wrkSample(peerSample(), seen).complaint, undefined)
})

test('wrk: a round without an answer is told of', () => {
  const seen = { requests: 0, durationMs: 1000, p50Ms: 0, p99Ms: 0, statusErrors: 0, socketErrors: 0 }
  assert.equal(wrkSample(peerSample(), seen).complaint, 'no answer within a round')
})

test('a checked round: times to the first token, of right answers alone; the rest is named', () => {
  const slow = recordOf({ sentMs: 0, firstTokenMs: 40, endMs: 1000 })
  const sample = checkedSample(resultOf([recordOf(), slow, FAILED, FAILED]), COST)
  assert.equal(sample.p50Ms, 30)
  assert.equal(sample.requestsPerSecond, 2)
  assert.deepEqual([sample.asked, sample.right, sample.errors], [4, 2, 2])
  assert.equal(sample.complaint, '2 x altered (at token 3)')
})

test('a checked round: an answer that is no stream counts to its end', () => {
  const whole = recordOf({ firstTokenMs: undefined, sentMs: 10, endMs: 60 })
  assert.equal(checkedSample(resultOf([whole]), COST).p50Ms, 50)
})

test('a checked round: what never came is lost, and named where it is the most', () => {
  const sample = checkedSample(resultOf([recordOf(), FAILED], { requests: 9 }), COST)
  assert.deepEqual([sample.asked, sample.right], [9, 1])
  assert.equal(sample.complaint, '7 x no answer in time; 1 x altered (at token 3)')
})

test('a checked round: one that is bound by time is judged by what it sent', () => {
  const sample = checkedSample(resultOf([recordOf()], { requests: 9, durationMs: 1 }), COST)
  assert.deepEqual([sample.asked, sample.complaint], [1, undefined])
})
