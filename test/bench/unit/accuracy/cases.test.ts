import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agreementOf, luaOf, planOf, wrkSampleOf } from '../../../../bench/accuracy/cases.ts'

test('wrk sends the same body and closes connections when the bench does', () => {
  const plan = planOf({ connection: 'per-request', concurrency: 4, engineMs: 20 }, 'http://127.0.0.1:1', 2)
  assert.equal(plan.isStream, true)
  assert.match(
    luaOf(plan),
    /wrk\.body = \[\[\{"text":"What is the capital of France\? \(0\)".*"stream":true\}\]\]/,
  )
  assert.match(luaOf(plan), /wrk\.headers\['connection'\] = 'close'/)
  assert.doesNotMatch(luaOf({ ...plan, connection: 'keep-alive' }), /'close'/)
})

test('rates within a tenth agree, and a slower bench must have reported that it is the limit', () => {
  assert.equal(agreementOf(1000, 905, false), 'agrees')
  assert.equal(agreementOf(1000, 1200, false), 'DISAGREES')
  assert.equal(agreementOf(1000, 500, false), 'DISAGREES')
  assert.equal(agreementOf(1000, 500, true), 'the bench is the limit, and reports it')
})

test('the result line of wrk is parsed, and a missing line is an error', () => {
  assert.equal(wrkSampleOf('Running\nRESULT 500 2000000 3\n').requestsPerSecond, 250)
  assert.throws(() => wrkSampleOf('unable to connect'), /no result/)
})
