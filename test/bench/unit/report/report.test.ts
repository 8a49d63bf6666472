/** Figures of a load, and the result line of SGLang. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { levelOf } from '../../../../bench/report/level.ts'
import { servingLine } from '../../../../bench/report/other-tools/serving-line.ts'
import { reportSchema } from '../../../../bench/report/schema.ts'
import { goodputLine, tableOf } from '../../../../bench/report/table.ts'
import { recordOf, resultOf } from '../../support/load-result.ts'

const FAILURE = { kind: 'altered', detail: 'at token 3' } as const
const RESULT = resultOf([
  recordOf(),
  recordOf({ sentMs: 100, firstTokenMs: 150, endMs: 1000, scheduledMs: 50 }),
  recordOf({ outcome: 'failed', failure: FAILURE, endMs: 500 }),
  recordOf({ outcome: 'refused', status: 429, endMs: 20 }),
  recordOf({ outcome: 'left', endMs: 30 }),
])
const LEVEL = levelOf('basic', RESULT)

const LABELS = {
  tag: null,
  backend: 'sglang',
  dataset_name: 'random',
  request_rate: 'inf',
  max_concurrency: null,
  random_input_len: 1,
  random_output_len: 1,
  random_range_ratio: 0,
} as const

/** Keys of a line of SGLang's bench_serving (0.5.23) without details. */
const SGLANG_KEYS = (
  'tag backend dataset_name request_rate max_concurrency sharegpt_output_len random_input_len random_output_len ' +
  'random_range_ratio server_info duration completed total_input_tokens total_input_text_tokens ' +
  'total_input_vision_tokens total_output_tokens total_output_tokens_retokenized request_throughput input_throughput ' +
  'output_throughput total_throughput mean_e2e_latency_ms median_e2e_latency_ms std_e2e_latency_ms p90_e2e_latency_ms ' +
  'p95_e2e_latency_ms p90_ttft_ms p95_ttft_ms p90_tpot_ms p95_tpot_ms p90_itl_ms p99_e2e_latency_ms mean_ttft_ms median_ttft_ms std_ttft_ms p99_ttft_ms mean_tpot_ms median_tpot_ms std_tpot_ms ' +
  'p99_tpot_ms mean_itl_ms median_itl_ms std_itl_ms p95_itl_ms p99_itl_ms concurrency accept_length ' +
  'max_output_tokens_per_s max_concurrent_requests'
).split(' ')

test('requests are counted by outcome, and success covers those whose clients stayed', () => {
  assert.deepEqual(LEVEL.requests, { sent: 5, ok: 2, failed: 1, refused: 1, left: 1, unfinished: 0 })
  assert.equal(LEVEL.successPercent, 50)
  assert.deepEqual(LEVEL.failures, {
    altered: { count: 1, example: 'at token 3', firstSeconds: 0.5, lastSeconds: 0.5 },
    'refused 429': { count: 1, example: '', firstSeconds: 0.02, lastSeconds: 0.02 },
  })
})

test('input and output tokens are those of correct responses', () => {
  const { inputTokens, outputTokens } = recordOf()
  assert.ok(inputTokens > 0 && outputTokens > 0)
  assert.deepEqual([LEVEL.inputTokens, LEVEL.outputTokens], [2 * inputTokens, 2 * outputTokens])
})

test('the hit rate covers the correct responses whose engine reports what it had cached', () => {
  assert.equal(LEVEL.prefixCache, null)
  const level = levelOf(
    'x',
    resultOf([
      recordOf({ inputTokens: 1000, cachedTokens: 300 }),
      recordOf({ inputTokens: 1000, cachedTokens: 0 }),
      recordOf({ inputTokens: 5000 }),
      recordOf({ inputTokens: 5000, cachedTokens: 5000, outcome: 'failed', failure: FAILURE }),
    ]),
  )
  assert.deepEqual(level.prefixCache, { promptTokens: 2000, cachedTokens: 300, hitPercent: 15 })
  assert.match(tableOf(level), /prefix cache +hit rate 15\.00% {3}prefill saved 300 of 2,000 prompt tokens\n/)
})

test('times are those of correct responses, from sending and from the schedule', () => {
  const { latencyMs, latencyFromScheduleMs, ttftMs, tpotMs } = LEVEL
  assert.deepEqual(
    [latencyMs, latencyFromScheduleMs, ttftMs, tpotMs].map(times => [times?.min, times?.max]),
    [
      [100, 900],
      [110, 950],
      [20, 50],
      [20, 212.5],
    ],
  )
  assert.deepEqual([LEVEL.itlMs?.mean, LEVEL.iclMs?.mean], [15, 20])
  assert.deepEqual([LEVEL.durationSeconds, LEVEL.requestsPerSecond], [1, 2])
})

test('the report matches its schema, even for an empty load', () => {
  const levels = [LEVEL, levelOf('empty', resultOf([], { requests: 1 }))]
  const report = {
    version: 4,
    command: 'basic',
    target: 'http://x',
    startedAt: new Date(0).toISOString(),
    environment: { program: 'pd-gateway 1', node: 'v24', system: 'linux', processors: '2' },
    minPercent: null,
    levels,
  }
  assert.doesNotThrow(() => reportSchema.parse(JSON.parse(JSON.stringify(report))))
})

test("a value that was not measured is null, and 0 in SGLang's line, as SGLang writes it", () => {
  const left = levelOf('x', { ...resultOf([recordOf({ outcome: 'left' })]), itlMs: new Float32Array() })
  assert.deepEqual(
    [left.successPercent, left.latencyMs, left.ttftMs, left.tpotMs, left.itlMs],
    [null, null, null, null, null],
  )
  assert.match(tableOf(left), /success +- {3}0 correct, 0 failed, 0 refused, 1 left by their clients\n/)
  const line = servingLine(LABELS, left, null)
  assert.deepEqual([line.concurrency, Reflect.get(line, 'p99_ttft_ms')], [0, 0])
})

test("the serving line has the keys of SGLang's bench_serving", () => {
  const info = { decode: [{ internal_states: [{ avg_spec_accept_length: 2.5 }] }] }
  const line = servingLine(LABELS, LEVEL, info)
  assert.deepEqual(Object.keys(line).toSorted(), SGLANG_KEYS.toSorted())
  assert.equal(line.completed, 2)
  assert.equal(line.server_info, info)
  assert.equal(line.accept_length, 2.5)
  assert.equal(line.max_concurrent_requests, 2)
  assert.equal(line.max_output_tokens_per_s, 6)
})

test('the table lists failures and warns of a saturated generator', () => {
  assert.match(
    tableOf(LEVEL),
    /success +50\.00% {3}2 correct, 1 failed, 1 refused, 1 left[\s\S]*altered +1 {3}at 0\.50 s {3}e\.g\. at token 3/,
  )
  assert.doesNotMatch(tableOf(LEVEL), /the generator is the limit/)
  assert.match(
    tableOf(levelOf('x', { ...RESULT, busyShares: [0.99] })),
    /busy for 99% .*the generator is the limit/,
  )
  assert.match(
    tableOf(levelOf('x', { ...RESULT, cpuShares: [0.2, 0.95] })),
    /CPU 95% of a core.*the generator is the limit/,
  )
})

test('goodput has its own line with its limits', () => {
  const line = goodputLine({ ttft: 200, e2el: 1000 }, 27.4)
  assert.match(line, /goodput +27\.40 requests\/s within ttft 200 ms, e2el 1000 ms$/)
  assert.ok(tableOf(LEVEL, line).includes(`${line}\n`))
})

test('a generator limits a closed loop of one client long before it is saturated', () => {
  const limits = [isLimitWith(1, 0.05), isLimitWith(1, 0.3), isLimitWith(64, 0.8), isLimitWith(64, 0.95)]
  assert.deepEqual(limits, [false, true, false, true])
})

function isLimitWith(concurrency: number, busy: number): boolean {
  const result = resultOf([recordOf()], { arrivals: { kind: 'closed', concurrency } })
  return levelOf('x', { ...result, busyShares: [busy] }).generator.isLimit
}
