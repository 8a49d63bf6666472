/** Tests of the sentence that says what came of a run, and of how figures are written. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted, figure, percent, seconds } from '../../../../bench/report/figures.ts'
import { compareVerdict } from '../../../../bench/report/html/compare-conclusion.ts'
import { levelOf } from '../../../../bench/report/level.ts'
import { verdictOf } from '../../../../bench/report/conclusion.ts'
import { compareReportOf, roundOf } from '../../../support/compare-report.ts'
import { recordOf, resultOf } from '../../../support/load-result.ts'

const GOOD = levelOf('good', resultOf([recordOf(), recordOf()]))
const FAILED = recordOf({ outcome: 'failed', failure: { kind: 'stall', detail: '' } })
const BAD = levelOf('bad', resultOf([FAILED]))
const of = (...levels: (typeof GOOD)[]) => verdictOf({ levels, leastPercent: 95, promises: [] })

test('promises are counted, and a broken one makes a bad run of a good one', () => {
  const promise = { name: 'hangs', seen: '0', wanted: '<= 0', holds: true }
  const kept = verdictOf({ levels: [GOOD], leastPercent: null, promises: [promise] })
  const broken = verdictOf({
    levels: [GOOD],
    leastPercent: null,
    promises: [promise, { ...promise, holds: false }],
  })
  assert.deepEqual([kept.kind, broken.kind], ['good', 'bad'])
  assert.match(kept.sentence, / All 1 promises were kept\.$/)
  assert.match(broken.sentence, / 1 of 2 promises were broken\.$/)
})

test('a good run says how fast it was', () => {
  assert.deepEqual(of(GOOD), {
    kind: 'good',
    sentence:
      'All 2 requests were answered right: 18.18 requests/s, TTFT p99 20.00 ms, latency p99 100.0 ms.',
  })
})

test('a run with failures says how many, and one without a good answer why', () => {
  assert.match(
    of(levelOf('x', resultOf([recordOf(), FAILED]))).sentence,
    /^1 of 2 requests went wrong \(50\.00 % right\)/,
  )
  assert.deepEqual(of(BAD), { kind: 'bad', sentence: 'None of 1 request was answered right (stall).' })
})

test('a run of one request, of none, and one whose clients all left', () => {
  assert.match(of(levelOf('x', resultOf([recordOf()]))).sentence, /^The one request was answered right: /)
  assert.deepEqual(of(levelOf('x', resultOf([], { requests: 1 }))), {
    kind: 'bad',
    sentence: 'No request was sent: none was due in that time.',
  })
  assert.deepEqual(of(levelOf('x', resultOf([recordOf({ outcome: 'left' })]))), {
    kind: 'open',
    sentence: '1 client left before the end, as told: there is no answer to judge.',
  })
})

test('a target that went away under the load is told of, one that came back is not', () => {
  const lost = recordOf({ outcome: 'failed', failure: { kind: 'connect', detail: '' }, endMs: 3000 })
  const gone = [recordOf(), lost, { ...lost, endMs: 5000 }]
  assert.match(of(levelOf('x', resultOf(gone))).sentence, / From 3\.00 s on the target took no connection/)
  const back = resultOf([...gone, recordOf({ endMs: 5000 })])
  assert.doesNotMatch(of(levelOf('x', back)).sentence, /no connection/)
})

test('an interrupted run says so, and how many were open', () => {
  const cut = { ...resultOf([recordOf()]), wasInterrupted: true, unfinished: [{ sentMs: 0, endMs: 3000 }] }
  const { kind, sentence } = of(levelOf('x', cut))
  assert.equal(kind, 'open')
  assert.match(sentence, /^Interrupted after 3\.00 s with 1 request open\. The one request/)
  const nothing = { ...cut, records: [] }
  assert.match(of(levelOf('x', nothing)).sentence, /No request has ended\.$/)
})

test('many levels are summed up: the best, and why no more were run', () => {
  assert.match(
    of(GOOD, GOOD).sentence,
    /^2 levels, 4 requests: all answers were right; most was 18\.18 requests\/s at good\.$/,
  )
  assert.match(of(GOOD, BAD).sentence, /1 request went wrong.* Stopped after bad: 0 % right, below 95 %\.$/)
})

test('a generator at its limit is told of', () => {
  assert.match(
    of(levelOf('x', { ...resultOf([recordOf()]), busyShares: [0.99] })).sentence,
    /take more --processes or more at a time\.$/,
  )
})

test('a comparison names what differs, and counts what does not', () => {
  const report = compareReportOf()
  assert.deepEqual(compareVerdict(report), {
    kind: 'bad',
    sentence: 'after against before: TTFT p50 +12.5 % (worse). No difference was shown in 1 of 2 figures.',
  })
  const same = report.differences.filter(({ holdsZero }) => holdsZero)
  assert.match(compareVerdict({ ...report, differences: same }).sentence, /^No difference was shown: /)
  const wrong = { ...report, rounds: [{ ...roundOf('before', 0), successPercent: 99.5 }] }
  assert.match(
    compareVerdict(wrong).sentence,
    /Not all answers were right in 1 of 1 rounds \(99\.50 % in the worst\)/,
  )
  const better = report.differences.map(one => ({ ...one, absolute: { median: -2, low: -3, high: -1 } }))
  assert.equal(compareVerdict({ ...report, differences: better }).kind, 'good')
  assert.equal(compareVerdict({ ...wrong, differences: better }).kind, 'open')
  assert.match(compareVerdict({ ...report, differences: [] }).sentence, /Too few whole blocks/)
})

test('no share that is not whole is rounded up to 100 %', () => {
  assert.deepEqual([100, 99.999_99, 99.998, 99.5, 0, 0.001].map(percent), [
    '100 %',
    '99.9999 %',
    '99.9980 %',
    '99.50 %',
    '0 %',
    '0.0010 %',
  ])
})

test('figures keep three digits or more that mean something', () => {
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
