import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { RequestRecord } from '../../../../bench/load/records/record.ts'
import { type LogResult, logExpectations, logText } from '../../../../bench/log/results.ts'
import { recordOf } from '../../support/load-result.ts'

function answered(status: number, latencyMs: number): RequestRecord {
  return recordOf({ status, sentMs: 0, endMs: latencyMs, outcome: status === 200 ? 'ok' : 'failed' })
}

const SOUND: LogResult = {
  name: 'disk with room',
  isSound: true,
  records: [answered(200, 40), answered(500, 100)],
  lostLines: 0,
  exitReason: 'code 0',
}

function failedOf(change: Partial<LogResult>): string[] {
  const full: LogResult = { ...SOUND, name: 'full disk', isSound: false, lostLines: 7, ...change }
  return logExpectations([SOUND, full], 2)
    .filter(({ holds }) => !holds)
    .map(({ name }) => name.replace('full disk: ', ''))
}

suite('A log that cannot be written', () => {
  test('does no harm if all are answered as early as with another, and lost lines are counted', () => {
    assert.deepEqual(failedOf({ records: [answered(200, 50), answered(500, 140)] }), [])
  })

  const cases: Readonly<Record<string, readonly [change: Partial<LogResult>, failed: readonly string[]]>> = {
    'a request gets no response': [
      { records: [answered(0, 50), answered(500, 100)] },
      ['requests without a response'],
    ],
    'a request is missing': [{ records: [answered(500, 100)] }, ['requests without a response']],
    'a response is later': [{ records: [answered(200, 50), answered(500, 160)] }, ['latency, p99']],
    'a response is much later': [
      { records: [answered(200, 50), answered(500, 260)] },
      ['latency, p50', 'latency, p99', 'latency, longest'],
    ],
    'no failure had a line to lose': [
      { records: [answered(200, 50), answered(200, 50)] },
      ['share of failures'],
    ],
    'the lines are not counted': [{ lostLines: 0 }, ['lost lines']],
    'the gateway is killed by it': [{ exitReason: 'SIGKILL' }, ['other exits than with code 0']],
  }
  for (const [what, [change, failed]] of Object.entries(cases))
    test(`does harm if ${what}`, () => assert.deepEqual(failedOf(change), failed))

  test('is reported with latencies and lost lines', () => {
    assert.match(logText([SOUND]), /^disk with room +2 +1 +1 .* 0$/m)
  })
})
