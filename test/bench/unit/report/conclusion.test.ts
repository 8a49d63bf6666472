/** The sentence that concludes a run, and the formats of figures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conclusionOf } from '../../../../bench/report/conclusion.ts'
import { counted, figure, percent, seconds } from '../../../../bench/report/figures.ts'
import { compareConclusion } from '../../../../bench/report/html/compare-conclusion.ts'
import { levelOf } from '../../../../bench/report/level.ts'
import { compareReportOf, roundOf } from '../../support/compare-report.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const GOOD = levelOf('good', resultOf([recordOf(), recordOf()]))
const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'stall', detail: '' } })
const BAD = levelOf('bad', resultOf([FAILED]))
const of = (...levels: (typeof GOOD)[]) => conclusionOf({ levels, minPercent: 95, expectations: [] })

test('expectations are counted, and one that does not hold makes a good run bad', () => {
  const expectation = { name: 'hangs', measured: '0', expected: '<= 0', holds: true }
  const kept = conclusionOf({ levels: [GOOD], minPercent: null, expectations: [expectation] })
  const broken = conclusionOf({
    levels: [GOOD],
    minPercent: null,
    expectations: [expectation, { ...expectation, holds: false }],
  })
  assert.deepEqual([kept.kind, broken.kind], ['good', 'bad'])
  assert.match(kept.sentence, / All 1 expectations were met\.$/)
  assert.match(broken.sentence, / 1 of 2 expectations were not met\.$/)
})

test('the sentence of a good run contains its speed', () => {
  assert.deepEqual(of(GOOD), {
    kind: 'good',
    sentence:
      'All 2 requests were answered correctly: 18.18 requests/s, TTFT p99 20.00 ms, latency p99 100.0 ms.',
  })
})

test('the sentence counts failures, and gives the reason if no response was correct', () => {
  assert.match(
    of(levelOf('x', resultOf([recordOf(), FAILED]))).sentence,
    /^1 of 2 requests failed \(50\.00% correct\)/,
  )
  assert.deepEqual(of(BAD), { kind: 'bad', sentence: 'None of 1 request was answered correctly (stall).' })
})

test('runs of one request, of none, and of clients that all left have their own sentences', () => {
  assert.match(of(levelOf('x', resultOf([recordOf()]))).sentence, /^The one request was answered correctly: /)
  assert.deepEqual(of(levelOf('x', resultOf([], { requests: 1 }))), {
    kind: 'bad',
    sentence: 'No request was sent: none was due in that time.',
  })
  assert.deepEqual(of(levelOf('x', resultOf([recordOf({ outcome: 'left' })]))), {
    kind: 'open',
    sentence: '1 client left before the end, as planned: no response could be checked.',
  })
})

test('a target that stops accepting connections is mentioned, one that recovers is not', () => {
  const lost = recordOf({ outcome: 'failed', failure: { kind: 'connect', detail: '' }, endMs: 3000 })
  const gone = [recordOf(), lost, { ...lost, endMs: 5000 }]
  assert.match(
    of(levelOf('x', resultOf(gone))).sentence,
    / From 3\.00 s on the target accepted no connections/,
  )
  const back = resultOf([...gone, recordOf({ endMs: 5000 })])
  assert.doesNotMatch(of(levelOf('x', back)).sentence, /no connection/)
})

test('the sentence of an interrupted run counts the open requests', () => {
  const cut = { ...resultOf([recordOf()]), wasInterrupted: true, unfinished: [{ sentMs: 0, endMs: 3000 }] }
  const { kind, sentence } = of(levelOf('x', cut))
  assert.equal(kind, 'open')
  assert.match(sentence, /^Interrupted after 3\.00 s with 1 request open\. The one request/)
  const nothing = { ...cut, records: [] }
  assert.match(of(levelOf('x', nothing)).sentence, /No request has ended\.$/)
})

test('several levels are summarised by the best one and the reason for stopping', () => {
  assert.match(
    of(GOOD, GOOD).sentence,
    /^2 levels, 4 requests: all responses were correct; peak was 18\.18 requests\/s at good\.$/,
  )
  assert.match(of(GOOD, BAD).sentence, /1 request failed.* Stopped after bad: 0% correct, below 95%\.$/)
})

test('a saturated generator is mentioned', () => {
  assert.match(
    of(levelOf('x', { ...resultOf([recordOf()]), busyShares: [0.99] })).sentence,
    /use more --processes or a higher concurrency\.$/,
  )
})

test('the sentence of a comparison names differences and counts the rest', () => {
  const report = compareReportOf()
  assert.deepEqual(compareConclusion(report), {
    kind: 'bad',
    sentence: 'after against before: TTFT p50 +12.5% (worse). No difference was shown in 1 of 2 figures.',
  })
  const same = report.differences.filter(({ holdsZero }) => holdsZero)
  assert.match(compareConclusion({ ...report, differences: same }).sentence, /^No difference was shown: /)
  const wrong = { ...report, rounds: [{ ...roundOf('before', 0), successPercent: 99.5 }] }
  assert.match(
    compareConclusion(wrong).sentence,
    /Not all responses were correct in 1 of 1 rounds \(99\.50% in the worst\)/,
  )
  const better = report.differences.map(one => ({ ...one, absolute: { median: -2, low: -3, high: -1 } }))
  assert.equal(compareConclusion({ ...report, differences: better }).kind, 'good')
  assert.equal(compareConclusion({ ...wrong, differences: better }).kind, 'open')
  assert.match(compareConclusion({ ...report, differences: [] }).sentence, /Too few complete blocks/)
})

test('a percentage below 100 is never rounded up to 100', () => {
  assert.deepEqual([100, 99.999_99, 99.998, 99.5, 0, 0.001].map(percent), [
    '100%',
    '99.9999%',
    '99.9980%',
    '99.50%',
    '0%',
    '0.0010%',
  ])
})

test('figures keep at least three significant digits', () => {
  assert.deepEqual([0.0123, 9.5, 12.345, 123.45, 12_345.6].map(figure), [
    '0.012',
    '9.500',
    '12.35',
    '123.5',
    '12,346',
  ])
  assert.deepEqual([1.234, 59.96, 75, 7325].map(seconds), ['1.23 s', '60.0 s', '1 min 15 s', '2 h 2 min'])
  assert.deepEqual(
    [0, 1, 2000].map(count => counted(count, 'request')),
    ['0 requests', '1 request', '2,000 requests'],
  )
})
