import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as assertProperty, double, property } from 'fast-check'
import { createSharedMemory, metricRows } from '../../../src/shared/layout.ts'
import { exposition, headLines, sampleLine } from '../../../src/telemetry/exposition.ts'
import { metricTable } from '../../../src/telemetry/metric-catalogue.ts'
import { metricRoom } from '../../../src/telemetry/metric-cells.ts'
import { MetricReader } from '../../../src/telemetry/metric-reader.ts'
import { Recorder } from '../../../src/telemetry/recorder.ts'

const THREADS = 2
const ENGINES = [{ slot: 1, url: 'http://d:1', role: 'decode' }]

function setup(bucketsSecs: readonly number[] = [0.1, 1]) {
  const shared = createSharedMemory(4, THREADS, metricRoom(4, bucketsSecs))
  const reader = new MetricReader(shared)
  const text = (): string[] => exposition(reader, ENGINES, []).split('\n')
  return { shared, reader, text }
}

test('a counter is the sum over all rows', () => {
  const { shared, text } = setup()
  for (let row = 0; row <= metricRows(THREADS).control; row++)
    new Recorder(shared, row).count('pdgw_router_retries_total', 'status', row + 1)
  assert.ok(text().includes('pdgw_router_retries_total{cause="status"} 10'))
  assert.ok(text().includes('pdgw_router_retries_total{cause="abort"} 0'))
})

test('a value with two labels is exposed with both', () => {
  const { shared, text } = setup()
  new Recorder(shared, 1).count('pdgw_router_requests_total', 'chat ok')
  assert.ok(text().includes('pdgw_router_requests_total{endpoint="chat",outcome="ok"} 1'))
})

test('histogram buckets are cumulative, and a bound belongs to its bucket', () => {
  const { shared, text } = setup([0.1, 1])
  const recorder = new Recorder(shared, 0)
  for (const seconds of [0.1, 0.5, 1, 7]) recorder.observe('pdgw_router_ttft_seconds', seconds)
  const lines = text().filter(line => line.startsWith('pdgw_router_ttft_seconds'))
  assert.deepEqual(lines, [
    'pdgw_router_ttft_seconds_bucket{le="0.1"} 1',
    'pdgw_router_ttft_seconds_bucket{le="1"} 3',
    'pdgw_router_ttft_seconds_bucket{le="+Inf"} 4',
    'pdgw_router_ttft_seconds_sum 8.6',
    'pdgw_router_ttft_seconds_count 4',
  ])
})

test('every observation is counted, whatever its value', () => {
  const seconds = array(double({ min: 0, max: 1e6, noNaN: true }))
  assertProperty(
    property(seconds, values => {
      const { shared, text } = setup([0.5, 2, 8])
      const recorder = new Recorder(shared, 1)
      for (const value of values) recorder.observe('pdgw_router_ttft_seconds', value)
      assert.ok(text().includes(`pdgw_router_ttft_seconds_count ${values.length}`))
    }),
    { seed: 7, numRuns: 50 },
  )
})

test('a thread that takes over a row continues its counters and resets its gauges', () => {
  const { shared, text } = setup()
  const before = new Recorder(shared, 1)
  before.count('pdgw_router_attempts_total')
  before.set('pdgw_router_upstream_sockets', 7)
  new Recorder(shared, 1).count('pdgw_router_attempts_total')
  assert.ok(text().includes('pdgw_router_attempts_total 2'))
  assert.ok(text().includes('pdgw_router_upstream_sockets 0'))
})

test('counters of a slot restart at 0 for the next engine', () => {
  const { shared, reader, text } = setup()
  const recorder = new Recorder(shared, 1)
  recorder.countEngine('pdgw_engine_failures_total', 1, 'stalled')
  recorder.countEngine('pdgw_engine_failures_total', 2, 'stalled')
  assert.ok(text().includes(failureLine(1)))
  reader.rebase(1)
  assert.ok(text().includes(failureLine(0)))
  recorder.countEngine('pdgw_engine_failures_total', 1, 'stalled')
  assert.ok(text().includes(failureLine(1)))
})

test('label values and help are escaped as the text format requires', () => {
  assert.equal(sampleLine('a', { b: 'x"y\\z\nw' }, 1), 'a{b="x\\"y\\\\z\\nw"} 1')
  assert.deepEqual(headLines('a', 'gauge', 'one\ntwo \\ "three"'), [
    '# HELP a one\\ntwo \\\\ "three"',
    '# TYPE a gauge',
  ])
  assert.equal(sampleLine('a', {}, Infinity), 'a +Inf')
})

test('shared memory without metrics ignores counts', () => {
  const shared = createSharedMemory(4, THREADS)
  const recorder = new Recorder(shared, 1)
  recorder.count('pdgw_router_attempts_total')
  recorder.observe('pdgw_router_ttft_seconds', 1)
  assert.equal(shared.metrics.byteLength, 0)
})

test('every metric has our prefix, a help text, and the suffix of its type', () => {
  for (const { name, type, help } of metricTable()) {
    assert.match(name, /^pdgw_(frontend|router|engine|thread|control)_[a-z_]+$/)
    assert.match(help, /\.$/, name)
    assert.equal(type === 'counter', name.endsWith('_total'), name)
    if (type === 'histogram') assert.match(name, /_seconds$/)
  }
})

function failureLine(value: number): string {
  return `pdgw_engine_failures_total{engine="http://d:1",role="decode",cause="stalled"} ${value}`
}
