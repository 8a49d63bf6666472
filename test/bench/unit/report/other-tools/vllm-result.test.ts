/** Files for other tools: vLLM's result file and the request log. Also goodput. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goodputOf } from '../../../../../bench/report/goodput.ts'
import { levelOf } from '../../../../../bench/report/level.ts'
import { rampEvents } from '../../../../../bench/report/other-tools/ramp-events.ts'
import { requestArrays } from '../../../../../bench/report/other-tools/request-arrays.ts'
import { requestLine } from '../../../../../bench/report/other-tools/request-line.ts'
import {
  type VllmOptions,
  vllmFileName,
  vllmResult,
} from '../../../../../bench/report/other-tools/vllm-result.ts'
import { recordOf, resultOf } from '../../../support/load-result.ts'

/** Keys of a result file of vLLM's `bench serve --save-result` without details. */
const VLLM_KEYS = (
  'date endpoint_type backend label model_id tokenizer_id num_prompts request_rate burstiness max_concurrency duration ' +
  'completed failed total_input_tokens total_output_tokens request_throughput request_goodput output_throughput ' +
  'total_token_throughput max_output_tokens_per_s max_concurrent_requests rtfx mean_ttft_ms median_ttft_ms std_ttft_ms ' +
  'p99_ttft_ms mean_tpot_ms median_tpot_ms std_tpot_ms p99_tpot_ms mean_itl_ms median_itl_ms std_itl_ms p99_itl_ms'
).split(' ')

const OPTIONS: VllmOptions = {
  backend: 'vllm',
  label: null,
  requestRate: Infinity,
  burstiness: 1,
  maxConcurrency: null,
  ramp: undefined,
  metadata: {},
  percentileMetrics: ['ttft', 'tpot', 'itl'],
  percentiles: [99],
  goodput: undefined,
  isDetailed: false,
}
const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5)
const RESULT = resultOf([
  recordOf(),
  recordOf({ firstTokenMs: 510, endMs: 1000 }),
  recordOf({ outcome: 'failed', failure: { kind: 'stall', detail: 'silent' } }),
])
const LEVEL = levelOf('serving', RESULT)

function fileOf(change: Partial<VllmOptions> = {}): Record<string, unknown> {
  return vllmResult({ ...OPTIONS, ...change }, LEVEL, RESULT, AT_MS)
}

test("the result file has the keys of vLLM's", () => {
  const file = fileOf()
  assert.deepEqual(Object.keys(file).toSorted(), VLLM_KEYS.toSorted())
  assert.deepEqual(
    [file['date'], file['request_rate'], file['completed'], file['failed'], file['median_ttft_ms']],
    ['20260102-030405', 'inf', 2, 1, 260],
  )
  assert.equal(file['max_output_tokens_per_s'], 6)
})

test('the file contains the requested metrics and percentiles, the metadata and the ramp', () => {
  const ramp = { strategy: 'linear', startRps: 1, endRps: 9 }
  const file = fileOf({
    ramp,
    metadata: { gpu: 'none' },
    percentileMetrics: ['e2el'],
    percentiles: [50, 99.9],
  })
  assert.deepEqual([file['gpu'], file['ramp_up_strategy'], file['ramp_up_end_rps']], ['none', 'linear', 9])
  assert.deepEqual([file['p50_e2el_ms'], 'p99.9_e2el_ms' in file, 'mean_ttft_ms' in file], [545, true, false])
})

test('details have one entry per request, in the order of the requests', () => {
  const failure = { kind: 'status', detail: '500: no' } as const
  const gaps = { gapsMs: Float64Array.of(40), gapTokens: Uint32Array.of(2) }
  const records = [
    recordOf({ index: 1, details: { text: 'good', ...gaps } }),
    recordOf({ index: 0, sentMs: 5, firstTokenMs: undefined, outcome: 'failed', failure, outputTokens: 0 }),
  ]
  const result = resultOf(records)
  const file = vllmResult({ ...OPTIONS, isDetailed: true }, levelOf('serving', result), result, AT_MS)
  assert.partialDeepStrictEqual(file, {
    input_lens: [4, 4],
    output_lens: [0, 5],
    ttfts: [0, 0.02],
    itls: [[], [0.04]],
    generated_texts: ['', 'good'],
    errors: ['status: 500: no', ''],
    start_times: [0.005, 0.01],
    queue_times: [0.005, 0.01],
    latencies: [0.105, 0.1],
  })
  assert.deepEqual(requestArrays(records, 'token').itls, [[], [0.02, 0.02]])
})

test('a ramp records when it passed each whole rate, up and down', () => {
  const rising = [
    [1, 0],
    [2, 1000],
    [3, 1000],
    [4, 2000],
    [5, 2000],
  ]
  assert.deepEqual(rampOf(1, 5), rising)
  assert.deepEqual(rampOf(2, 1), [
    [2, 0],
    [1, 1000],
  ])
  assert.deepEqual(rampEvents(RESULT), [])
})

test('its default name is that of vLLM', () => {
  const name = vllmFileName({ ...OPTIONS, requestRate: 5, maxConcurrency: 8 }, 'org/sim', AT_MS)
  assert.equal(name, 'vllm-5qps-concurrency8-sim-20260102-030405.json')
  const ramp = { strategy: 'linear', startRps: 1, endRps: 9 }
  const ramped = vllmFileName({ ...OPTIONS, ramp }, 'sim', AT_MS)
  assert.equal(ramped, 'vllm-ramp-up-linear-1qps-9qps-sim-20260102-030405.json')
})

test('the wait for --max-concurrency is a separate time, as in vLLM', () => {
  const options = {
    percentileMetrics: ['client_queue_time', 'e2el_including_client_queue'] as const,
    percentiles: [50],
    requestRate: 5,
  }
  const file = fileOf({ ...options, maxConcurrency: 2 })
  assert.deepEqual([file['p50_client_queue_time_ms'], file['p50_e2el_including_client_queue_ms']], [10, 555])
  assert.equal('p50_client_queue_time_ms' in fileOf(options), false)
  const unpaced = fileOf({ ...options, maxConcurrency: 2, requestRate: Infinity })
  assert.equal('p50_e2el_including_client_queue_ms' in unpaced, false)
})

test('goodput counts correct responses within every limit', () => {
  assert.equal(goodputOf(RESULT, {}, 1), 2)
  assert.equal(goodputOf(RESULT, { ttft: 100 }, 1), 1)
  assert.equal(goodputOf(RESULT, { ttft: 600, e2el: 50 }, 1), 0)
  assert.equal(fileOf({ goodput: { tpot: 100 } })['request_goodput'], 1)
})

test('the line of a request has Unix nanoseconds, ids and the reason of its end', () => {
  const ok = requestLine('serving', AT_MS, recordOf({ requestId: 'r-1' }))
  assert.equal(ok.metadata.x_request_id, 'r-1')
  assert.equal(ok.metadata.request_start_ns, (AT_MS + 10) * 1e6)
  assert.deepEqual(ok.metrics.request_latency, { value: 100, unit: 'ms' })
  assert.equal(ok.error, null)
  const left = requestLine('serving', AT_MS, recordOf({ outcome: 'left', firstTokenMs: undefined }))
  assert.deepEqual([left.metadata.was_cancelled, left.error?.code], [true, 499])
  assert.equal('time_to_first_token' in left.metrics, false)
  const failure = { kind: 'status', detail: '500: no' } as const
  const failed = requestLine('serving', AT_MS, recordOf({ outcome: 'failed', status: 500, failure }))
  assert.deepEqual(failed.error, { code: 500, type: 'status', message: '500: no' })
})

function rampOf(from: number, to: number): (readonly [number, number])[] {
  const records = [2, 0, 1].map(index => recordOf({ index, scheduledMs: index * 1000 }))
  const ramp = { shape: 'linear', startRatePerSecond: from, endRatePerSecond: to } as const
  const events = rampEvents(resultOf(records, { arrivals: { kind: 'open', ramp } }))
  return events.map(({ rps, timestamp }) => [rps, Date.parse(timestamp)])
}
