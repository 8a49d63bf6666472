import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedSample, wrkSample } from '../../../../../bench/routers/costs/sample.ts'
import { recordOf, resultOf } from '../../../support/load-result.ts'
import { routerSample } from '../../../support/router-samples.ts'

const COST = { cpuUs: 500, rssMib: 30, units: 2 }
const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'altered', detail: 'at token 3' } })

test('an error status in a wrk round is a wrong response, a lost connection a missing one', () => {
  const seen = {
    requests: 100,
    durationMs: 1000,
    p50Ms: 1,
    p99Ms: 2,
    statusErrors: 4,
    connectErrors: 5,
    transferErrors: 1,
  }
  const { sent, correct, failures } = wrkSample(routerSample(), seen)
  assert.deepEqual([sent, correct], [106, 96])
  assert.equal(failures, '4 error statuses, 6 connections failed or timed out')
})

test('a wrk round without errors names no failure', () => {
  const seen = {
    requests: 100,
    durationMs: 1000,
    p50Ms: 1,
    p99Ms: 2,
    statusErrors: 0,
    connectErrors: 0,
    transferErrors: 0,
  }
  assert.equal(wrkSample(routerSample(), seen).failures, undefined)
})

test('a wrk round without a response names it as a failure', () => {
  const seen = {
    requests: 0,
    durationMs: 1000,
    p50Ms: 0,
    p99Ms: 0,
    statusErrors: 0,
    connectErrors: 0,
    transferErrors: 0,
  }
  assert.equal(wrkSample(routerSample(), seen).failures, 'no response within a round')
})

test('times of a checked round run to the first token of correct responses, and the others are named', () => {
  const slow = recordOf({ sentMs: 0, firstTokenMs: 40, endMs: 1000 })
  const sample = checkedSample(resultOf([recordOf(), slow, FAILED, FAILED]), COST)
  assert.equal(sample.p50Ms, 30)
  assert.equal(sample.requestsPerSecond, 2)
  assert.deepEqual([sample.sent, sample.correct, sample.errors], [4, 2, 2])
  assert.equal(sample.failures, '2 x altered (at token 3)')
})

test('the time of a response that is not a stream runs to its end', () => {
  const whole = recordOf({ firstTokenMs: undefined, sentMs: 10, endMs: 60 })
  assert.equal(checkedSample(resultOf([whole]), COST).p50Ms, 50)
})

test('requests without a response are lost, and named first when they are the most frequent', () => {
  const sample = checkedSample(resultOf([recordOf(), FAILED], { requests: 9 }), COST)
  assert.deepEqual([sample.sent, sample.correct], [9, 1])
  assert.equal(sample.failures, '7 x no response in time; 1 x altered (at token 3)')
})

test('a checked round limited by time is measured by what it sent', () => {
  const sample = checkedSample(resultOf([recordOf()], { requests: 9, durationMs: 1 }), COST)
  assert.deepEqual([sample.sent, sample.failures], [1, undefined])
})
