/** The comparison of `bench cache`: its figures, goals and table, computed from records and metrics. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cell, cellOf, unevenness } from '../../../../bench/cache/cell.ts'
import { changesGoals, indexGoals, workloadGoals } from '../../../../bench/cache/goals.ts'
import type { ChooserName, WorkloadName } from '../../../../bench/cache/names.ts'
import { predictionGap, promptCounts } from '../../../../bench/cache/prediction.ts'
import { type CacheRow, rowOf } from '../../../../bench/cache/rows.ts'
import { markdownReport, textReport } from '../../../../bench/cache/table.ts'
import { workloads } from '../../../../bench/cache/workloads.ts'
import type { EngineCounters } from '../../../../bench/environment/fleet/messages.ts'
import { planSchema } from '../../../../bench/load/plan/plan.ts'
import { goalLines } from '../../../../bench/report/goal-lines.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const CELL: Cell = {
  sent: 100,
  correct: 100,
  failures: undefined,
  hitPercent: 88,
  ttftMeanMs: 30,
  ttftP50Ms: 20,
  ttftP99Ms: 200,
  uncachedTokens: [30_000, 20_000, 10_000],
}

function cellWith(hitPercent: number): Cell {
  return { ...CELL, hitPercent }
}

function missedChanges(gapLater: number | undefined): number {
  const goals = changesGoals({ gapBefore: 0, gapAfter: 9, gapLater, lost: 0 })
  return goals.filter(({ isMet }) => !isMet).length
}

function plansOf(isQuick: boolean) {
  return workloads(isQuick).map(({ load }) => planSchema.parse({ ...load, url: 'http://127.0.0.1:1' }))
}

function row(workload: WorkloadName, chooser: ChooserName, change: Partial<Cell> = {}): CacheRow {
  return rowOf({ workload, chooser }, [{ ...CELL, ...change }], undefined)
}

function engine(role: EngineCounters['role'], computedTokens: number): EngineCounters {
  return { role, received: 0, restarts: 0, running: 0, peakRunning: 0, capacity: 1, computedTokens }
}

/** Texts of the goals that are missed. */
function missed(rows: readonly CacheRow[]): readonly string[] {
  return workloadGoals(rows).flatMap(({ text, isMet }) => (isMet ? [] : [text]))
}

test('a cell has the hit rate of the responses, and what each prefill or mixed engine computed during the load', () => {
  const records = [
    recordOf({ inputTokens: 100, cachedTokens: 90 }),
    recordOf({ inputTokens: 100, cachedTokens: 30, sentMs: 10, firstTokenMs: 110 }),
    recordOf({ outcome: 'refused', status: 503 }),
  ]
  const before = [engine('prefill', 5), engine('prefill', 0), engine('decode', 0)]
  const after = [engine('prefill', 25), engine('prefill', 60), engine('decode', 70)]
  const cell = cellOf(resultOf(records), before, after)
  assert.partialDeepStrictEqual(cell, { sent: 3, correct: 2, hitPercent: 60, ttftMeanMs: 60 })
  assert.deepEqual(cell.uncachedTokens, [60, 20])
  assert.equal(unevenness(cell), 1.5)
  assert.equal(cell.failures, '1 x refused 503')
})

test('a row has the medians of its rounds, and the reason if one failed', () => {
  const cells = [80, 90, 86].map(cellWith)
  const found = rowOf({ workload: 'pd', chooser: 'smg' }, cells, 'ended with code 1')
  assert.deepEqual([found.cell?.hitPercent, found.cell?.sent, found.message], [86, 300, 'ended with code 1'])
  assert.equal(rowOf({ workload: 'pd', chooser: 'smg' }, [], 'not installed').cell, undefined)
})

test('hit rates are held to those of the pinned load, one gateway closer than two', () => {
  const ideal = row('zipf', 'ideal', { hitPercent: 90 })
  assert.deepEqual(missed([ideal, row('zipf', 'gateway', { hitPercent: 89 })]), [])
  assert.deepEqual(missed([ideal, row('zipf', 'gateway', { hitPercent: 88.9 })]), [
    'zipf: hit rate of gateway within 1 point of ideal',
  ])
  assert.deepEqual(missed([ideal, row('zipf', 'two-gateways', { hitPercent: 86 })]), [])
  assert.equal(missed([ideal, row('zipf', 'two-gateways', { hitPercent: 85.9 })]).length, 1)
  assert.equal(missed([ideal, row('zipf', 'least_load', { hitPercent: 40 })]).length, 0)
})

test('TTFT is held to that of the pinned load and of other routers', () => {
  const rows = [row('pd', 'ideal'), row('pd', 'smg', { ttftP99Ms: 221 })]
  assert.deepEqual(missed([...rows, row('pd', 'gateway', { ttftMeanMs: 30, ttftP99Ms: 221 })]), [])
  assert.deepEqual(missed([...rows, row('pd', 'gateway', { ttftMeanMs: 36 })]), [
    "pd: TTFT mean and p99 at most 1.1 of ideal's plus 2 ms",
    "pd: TTFT mean and p99 below smg's",
  ])
})

test('work is even under Zipf, and four times the rate does not make TTFT twice as long', () => {
  const uneven = row('zipf', 'gateway', { uncachedTokens: [160, 100, 40] })
  assert.deepEqual(missed([uneven]), [
    'zipf: no engine computes more than 1.5 times the mean of uncached tokens',
  ])
  const at60 = row('regular-60', 'gateway')
  assert.deepEqual(missed([at60, row('regular-120', 'gateway', { ttftP99Ms: 399 })]), [])
  assert.deepEqual(missed([at60, row('regular-120', 'gateway', { ttftP99Ms: 400 })]), [
    'regular-120: TTFT p99 below 2 times that of regular-60',
  ])
})

test('a response that is not correct, and a gateway that cannot be measured, miss a goal', () => {
  assert.deepEqual(missed([row('pd', 'gateway', { correct: 99 })]), ['pd: every response of gateway correct'])
  assert.deepEqual(missed([rowOf({ workload: 'pd', chooser: 'gateway' }, [], 'it ended')]), [
    'pd: every response of gateway correct',
  ])
  assert.deepEqual(missed([rowOf({ workload: 'pd', chooser: 'smg' }, [], 'not installed')]), [])
})

const METRICS = [
  '# TYPE pdgw_engine_prompt_tokens_total counter',
  'pdgw_engine_prompt_tokens_total{engine="http://a",role="mixed"} 1000',
  'pdgw_engine_prompt_tokens_total{engine="http://b",role="mixed"} 500',
  'pdgw_engine_cached_tokens_total{engine="http://a",role="mixed"} 800',
  'pdgw_engine_cached_tokens_total{engine="http://b",role="mixed"} 100',
  'pdgw_engine_predicted_tokens_total{engine="http://a",role="mixed"} 900',
  'pdgw_engine_predicted_tokens_total{engine="http://b",role="mixed"} 100',
  'pdgw_engine_attempts_total{engine="http://b",role="mixed"} 7',
].join('\n')

test('the gap is that of predicted and reported tokens between two readings, of the engines that are still there', () => {
  const before = promptCounts(METRICS.replaceAll('http://b', 'http://gone'))
  const after = promptCounts(METRICS.replace('} 1000', '} 1500').replace('} 900', '} 1100'))
  // a: 200 predicted and none cached of 500; b, which is new: 100 of each of 500.
  assert.equal(predictionGap(before, after), 20)
  assert.equal(predictionGap(after, after), undefined)
})

test('a gap that stays, or that cannot be measured, misses its goal', () => {
  assert.deepEqual([3, -3, 3.1, -3.1, undefined].map(missedChanges), [0, 0, 1, 1, 1])
})

test('the goals of the index are flat memory and fast choices', () => {
  const result = { blocks: 1e7, rssMibFull: 100, rssMibEnd: 110, choiceP50Us: 10, choiceP99Us: 49 }
  assert.ok(indexGoals(result).every(({ isMet }) => isMet))
  const worse = goalLines(indexGoals({ ...result, rssMibEnd: 111, choiceP99Us: 50 }))
  assert.ok(worse.every(line => line.startsWith('MISSED: index: ')))
})

test('the table has a line for each row, in text and in Markdown, with what went wrong', () => {
  const rows = [row('pd', 'gateway'), rowOf({ workload: 'pd', chooser: 'smg' }, [], 'no | wheel')]
  const machine = {
    date: '2026-11-30',
    cpu: 'CPU',
    cores: 2,
    memoryGib: 24,
    kernel: 'Linux 6',
    openFiles: 1024,
    stealPercent: 0,
  }
  const report = { machine, versions: { smg: '1.13.0' }, rows, goals: workloadGoals(rows) }
  const text = textReport(report)
  assert.match(text, /^pd +gateway +88\.0 +30 +20 +200 +30,000 +10,000 +1\.50 +100$/m)
  assert.match(text, /^pd, smg: no \| wheel$/m)
  const lines = markdownReport(report)
    .split('\n')
    .filter(line => line.startsWith('|'))
  assert.equal(lines.length, 4)
  for (const line of lines) assert.equal(line.split('|').length, 12, line)
})

test('every workload is a valid plan of checked chat streams, and a quick run sends fewer of them', () => {
  for (const plan of plansOf(false))
    assert.deepEqual([plan.endpoint, plan.isStream, plan.scriptSeed], ['chat', true, 0])
  assert.deepEqual(
    plansOf(true).map(({ requests }) => requests),
    plansOf(false).map(({ requests }) => Math.round(requests * 0.15)),
  )
})
