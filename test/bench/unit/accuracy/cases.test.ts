import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agreementOf, planOf, wrkRequestOf, wrkSampleOf } from '../../../../bench/accuracy/cases.ts'
import { parseWrkOutput, wrkScript } from '../../../../bench/wrk/wrk.ts'

test('wrk sends the same body and closes connections when the bench does', () => {
  const plan = planOf({ connection: 'per-request', concurrency: 4, engineMs: 20 }, 'http://127.0.0.1:1', 2)
  assert.equal(plan.isStream, true)
  assert.match(
    wrkScript(wrkRequestOf(plan)),
    /wrk\.body = \[\[\{"text":"What is the capital of France\? \(0\)".*"stream":true\}\]\]/,
  )
  assert.match(wrkScript(wrkRequestOf(plan)), /wrk\.headers\['connection'\] = 'close'/)
  assert.doesNotMatch(wrkScript(wrkRequestOf({ ...plan, connection: 'keep-alive' })), /'close'/)
})

test('rates within a tenth agree, and a slower bench must have reported that it is the limit', () => {
  assert.equal(agreementOf(1000, 905, false), 'agrees')
  assert.equal(agreementOf(1000, 1200, false), 'DISAGREES')
  assert.equal(agreementOf(1000, 500, false), 'DISAGREES')
  assert.equal(agreementOf(1000, 500, true), 'the bench is the limit, and reports it')
})

test('errors of wrk are statuses, failed connects and timeouts, but not connections that were closed', () => {
  const { requestsPerSecond, errors } = wrkSampleOf(parseWrkOutput('RESULT 500 2000000 1 2 3 4 5\n'))
  assert.deepEqual([requestsPerSecond, errors], [250, 7])
})
