/** The progress of a load, on a terminal and in a log. */
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { openProgress } from '../../../../bench/progress/progress.ts'
import { type ProgressState, ProgressTracker } from '../../../../bench/progress/progress-state.ts'
import { barText, logLine } from '../../../../bench/progress/text.ts'
import { recordOf } from '../../support/load-result.ts'

const STATE: ProgressState = {
  name: 'basic',
  share: 0.5,
  doneText: '500 of 1,000',
  leftSeconds: 4,
  ended: 500,
  perSecond: 125,
  inFlight: 64,
  p99Ms: 81.234,
  errors: 2,
}

test('a load limited by requests shows its share of them, with recent rate, p99 and errors', () => {
  const tracker = new ProgressTracker('basic', { requests: 400, durationMs: undefined })
  const records = Array.from({ length: 100 }, (_, index) => recordOf({ sentMs: 0, endMs: index + 1 }))
  assert.partialDeepStrictEqual(tracker.update({ records: [], inFlight: 7 }, 0), {
    share: 0,
    leftSeconds: undefined,
  })
  const first = tracker.update({ records, inFlight: 7 }, 1000)
  assert.partialDeepStrictEqual(first, {
    share: 0.25,
    doneText: '100 of 400',
    perSecond: 100,
    leftSeconds: 3,
  })
  assert.partialDeepStrictEqual(first, { inFlight: 7, errors: 0 })
  assert.ok((first.p99Ms ?? 0) > 98)
  const failed = [
    ...records,
    recordOf({ outcome: 'failed' }),
    recordOf({ outcome: 'refused' }),
    recordOf({ outcome: 'left' }),
  ]
  assert.partialDeepStrictEqual(tracker.update({ records: failed, inFlight: 0 }, 2000), {
    ended: 103,
    errors: 2,
  })
})

test('the rate covers the last seconds, not the whole run', () => {
  const tracker = new ProgressTracker('basic', { requests: 1000, durationMs: undefined })
  const records = Array.from({ length: 300 }, () => recordOf())
  tracker.update({ records, inFlight: 1 }, 0)
  for (const nowMs of [2000, 3000, 4000, 5000]) tracker.update({ records, inFlight: 1 }, nowMs)
  assert.equal(tracker.update({ records, inFlight: 1 }, 6000).perSecond, 0)
})

test('a load limited by time shows its share of the time', () => {
  const tracker = new ProgressTracker('sustained', { requests: Number.MAX_SAFE_INTEGER, durationMs: 60_000 })
  tracker.update({ records: [], inFlight: 3 }, 0)
  const state = tracker.update({ records: [], inFlight: 3 }, 15_000)
  assert.partialDeepStrictEqual(state, {
    share: 0.25,
    doneText: '15 s of 60 s',
    leftSeconds: 45,
    p99Ms: undefined,
  })
  assert.equal(tracker.update({ records: [], inFlight: 3 }, 70_000).share, 1)
})

test('the bar shows the share, and only errors are coloured', () => {
  const text = barText(STATE, one => `<${one}>`)
  assert.match(text, /^basic {2}█{15}░{15} {3}50% {3}500 of 1,000 {3}about 4\.00 s left\n/)
  assert.match(text, /125\.0 req\/s {3}64 in flight {3}p99 81\.23 ms {3}<2 errors> {3}500 ended$/)
  assert.doesNotMatch(
    barText({ ...STATE, errors: 0 }, one => `<${one}>`),
    /</,
  )
})

test('a log line contains all figures', () => {
  assert.equal(
    logLine({ ...STATE, p99Ms: undefined, errors: 1 }),
    'basic: 50%, 500 of 1,000; 125.0 req/s   64 in flight   p99 -   1 error   500 ended\n',
  )
})

test('without a terminal a line is written after one second, then every three seconds', () => {
  let nowMs = 0
  const lines: string[] = []
  const progress = openProgress({ err: text => void lines.push(text), terminal: undefined }, () => nowMs)
  const counts = [500, 1000, 2000, 3900, 4000, 7000].map(index => {
    nowMs = index
    progress.show(STATE)
    return lines.length
  })
  assert.deepEqual(counts, [0, 1, 1, 1, 2, 3])
})

test('on a terminal progress is redrawn in place, at most ten times per second, and removed at the end', () => {
  let nowMs = 0
  let drawn = ''
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the drawing uses of a terminal
  const terminal = Object.assign(new PassThrough(), {
    isTTY: true,
    columns: 100,
    rows: 30,
  }) as unknown as NodeJS.WriteStream
  terminal.on('data', bytes => (drawn += String(bytes)))
  const progress = openProgress({ err: assert.fail, terminal }, () => nowMs)
  progress.show(STATE)
  nowMs = 50
  progress.show({ ...STATE, name: 'too soon' })
  nowMs = 120
  progress.show({ ...STATE, name: 'later' })
  assert.match(drawn, /basic {2}█+/)
  assert.doesNotMatch(drawn, /too soon/)
  assert.match(drawn, /later {2}█+/)
  const before = drawn.length
  progress.clear()
  assert.ok(drawn.slice(before).includes('\u001B[2K'))
  assert.equal(drawn.slice(before).includes('█'), false)
})
