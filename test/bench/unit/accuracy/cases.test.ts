/** Tests of bench/accuracy: both tools send the same request, and when their figures agree. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { luaOf, planOf, verdictOf, wrkSampleOf } from '../../../../bench/accuracy/cases.ts'

test('wrk sends the same body, and closes when the bench does', () => {
  const plan = planOf({ connection: 'per-request', concurrency: 4, engineMs: 20 }, 'http://127.0.0.1:1', 2)
  assert.equal(plan.isStream, true)
  assert.match(
    luaOf(plan),
    /wrk\.body = \[\[\{"text":"What is the capital of France\? \(0\)".*"stream":true\}\]\]/,
  )
  assert.match(luaOf(plan), /wrk\.headers\['connection'\] = 'close'/)
  assert.doesNotMatch(luaOf({ ...plan, connection: 'keep-alive' }), /'close'/)
})

test('within a tenth they agree; a bench that is slower must have said so', () => {
  assert.equal(verdictOf(1000, 905, false), 'agrees')
  assert.equal(verdictOf(1000, 1200, false), 'DISAGREES')
  assert.equal(verdictOf(1000, 500, false), 'DISAGREES')
  assert.equal(verdictOf(1000, 500, true), 'the bench is the limit, and says so')
})

test("wrk's line is read, and without one there is no figure", () => {
  assert.equal(wrkSampleOf('Running\nRESULT 500 2000000 3\n').requestsPerSecond, 250)
  assert.throws(() => wrkSampleOf('unable to connect'), /no result/)
})
