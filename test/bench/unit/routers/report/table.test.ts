import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouterRow } from '../../../../../bench/routers/report/rows.ts'
import { markdownReport, textReport } from '../../../../../bench/routers/report/table.ts'

const MEASURED = {
  correctPercent: 99.999,
  requestsPerSecond: 1234.5,
  costUs: 88.04,
  ratio: 0.371,
  p50Ms: 1,
  p99Ms: 2,
  addedP50Ms: undefined,
  addedP99Ms: undefined,
  rssMib: 200,
}
const ABSENT = { unit: 'request', measured: undefined, goal: undefined } as const
const ROWS: readonly RouterRow[] = [
  { ...ABSENT, load: 'small', router: 'gateway', measured: MEASURED, message: undefined },
  { ...ABSENT, load: 'small', router: 'vllm-router', message: '400 `no` | room' },
  { ...ABSENT, load: 'k32', router: 'vllm-router', message: '400 `no` | room' },
]
const REPORT = {
  machine: {
    date: '2026-01-01',
    cpu: 'Some CPU',
    cores: 2,
    memoryGib: 24,
    kernel: 'Linux 6',
    openFiles: 20_000,
    stealPercent: 1.23,
  },
  versions: { gateway: '1', nginx: '2' },
  rows: ROWS,
  goals: [{ text: 'small: every response correct', measured: '99.99%', isMet: false }],
}

test('the text has one row per router in aligned columns, with the legend below', () => {
  const lines = textReport(REPORT).split('\n')
  assert.match(lines[1] ?? '', /^small +gateway +99\.99 +1235 +88\.0 +request +0\.37 +1\.0 +2\.0 +- +- +200$/)
  assert.match(lines[2] ?? '', /^small +vllm-router( +-){10}$/)
  assert.ok(lines.includes('2026-01-01: 2 x Some CPU, 24 GiB, Linux 6, 20000 open files, 1.2% steal time.'))
  assert.ok(lines.includes('gateway 1, nginx 2'))
  assert.ok(lines.includes('MISSED: small: every response correct (99.99%)'))
})

test('a failure that a router repeats in several loads is listed once', () => {
  assert.deepEqual(textReport(REPORT).match(/^vllm-router, .*$/gm), [
    'vllm-router, small, k32: 400 `no` | room',
  ])
})

test('every Markdown row has the same number of cells, and messages cannot break the table', () => {
  const text = markdownReport(REPORT)
  const rows = text.split('\n').filter(line => line.startsWith('|'))
  assert.equal(rows.length, 2 + ROWS.length)
  for (const row of rows) assert.equal(row.split('|').length, 14, row)
  assert.ok(text.includes('- vllm-router (small, k32): `400 no | room`'))
})

test('a table without failures says so', () => {
  assert.match(markdownReport({ ...REPORT, rows: ROWS.slice(0, 1) }), /Nothing failed\./)
})
