/** Whole bench runs against a gateway with simulated engines: figures, files and exit codes. Also small scenarios. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { addBenchCommands } from '../../../bench/cli/bench.ts'
import { type BenchRun, runBench } from '../../../bench/command/run-bench.ts'
import { runFaults } from '../../../bench/command/run-faults.ts'
import { Generator } from '../../../bench/load/generator/generator.ts'
import { planSchema } from '../../../bench/load/plan/plan.ts'
import { reportSchema } from '../../../bench/report/schema.ts'
import { runScenario } from '../../../bench/scenarios/run-scenario.ts'
import { readScenario } from '../../../bench/scenarios/scenario.ts'
import { systemDependencies } from '../../../src/cli/dependencies.ts'
import { openFleet, openGateway } from '../../support/gateway.ts'
import { at } from '../../support/sse.ts'

const DATASET = { kind: 'prompts', prompts: ['Hello'], minTokens: 3, maxTokens: 6 } as const
const LOAD = { requests: 60, arrivals: { kind: 'closed', concurrency: 10 }, dataset: DATASET } as const

const { origin, fleet } = await openGateway(
  { after },
  { fleet: { prefill: 1, decode: 1, knobs: { enableCacheReport: true, prefixCache: true } } },
)

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function ran(
  run: Omit<BenchRun, 'out' | 'err' | 'signal' | 'terminal'>,
  signal = new AbortController().signal,
): Promise<Ran> {
  let out = ''
  let err = ''
  const sinks = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) }
  const code = await runBench({ ...run, ...sinks, terminal: undefined, signal })
  return { code, out, err }
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-report-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test("SGLang's line has what the target says of its engines, and counts as that tool does", async t => {
  const path = join(folderOf(t), 'line.jsonl')
  const labels = { tag: null, backend: 'sglang', dataset_name: 'random', request_rate: 'inf' } as const
  const lengths = { max_concurrency: null, random_input_len: 1, random_output_len: 1, random_range_ratio: 0 }
  const serving = { path, labels: { ...labels, ...lengths }, isDetailed: false }
  const levels = [{ name: 'serving', load: { ...LOAD, endpoint: 'generate' as const, isStream: true } }]
  const { code, out, err } = await ran({ command: 'serving', url: origin, levels, serving })
  assert.equal(code, 0, out + err)
  const line: unknown = JSON.parse(readFileSync(path, 'utf8'))
  assert.equal(at(line, 'server_info', 'decode', 0, 'disaggregation_mode'), 'decode')
  // No request of these 60 takes a second, so most of them touch one second.
  assert.ok(Number(at(line, 'max_concurrent_requests')) > 10)
  assert.ok(Number(at(line, 'max_output_tokens_per_s')) >= Number(at(line, 'max_concurrent_requests')))
})

test('a run against simulated engines checks every token and writes its report', async t => {
  const reportDir = folderOf(t)
  const requestLog = join(reportDir, 'requests.jsonl')
  const levels = (['generate', 'chat', 'completions'] as const).flatMap(endpoint =>
    [true, false].map(isStream => ({
      name: `${endpoint} ${isStream}`,
      load: { ...LOAD, endpoint, isStream, processes: 2 },
    })),
  )
  const { code, out, err } = await ran({ command: 'basic', url: origin, levels, reportDir, requestLog })
  assert.equal(code, 0, out + err)
  assert.equal(out.match(/^\w+ (?:true|false) +100% /gm)?.length, 6, out)
  assert.match(out, /6 levels, 360 requests: all responses were correct/)
  const name = readdirSync(reportDir).find(file => /^basic-.*\.json$/.test(file)) ?? ''
  const report = reportSchema.parse(JSON.parse(readFileSync(join(reportDir, name), 'utf8')))
  assert.deepEqual(
    report.levels.map(level => level.requests.ok),
    [60, 60, 60, 60, 60, 60],
  )
  const lines = readFileSync(requestLog, 'utf8').trim().split('\n')
  assert.equal(lines.length, 360)
  const logged: unknown = JSON.parse(lines[0] ?? '')
  assert.partialDeepStrictEqual(logged, { metadata: { was_cancelled: false, status: 200 }, error: null })
  assert.match(lines[0] ?? '', /"x_request_id":"[^"]+"/)
})

test('bench serving prints the hit rate and the saved tokens of a workload, as the engines report them', async () => {
  let out = ''
  const { promise, resolve } = Promise.withResolvers<number>()
  const program = new Command('pd-gateway')
  const sinks = { out: (text: string) => void (out += text), err: () => undefined, terminal: undefined }
  addBenchCommands(program, { ...systemDependencies(), ...sinks }, resolve)
  // Each of two groups is computed once, and after that the two pages of its system prompt are cached. One by one, as
  // prompts that are computed together have nothing of each other cached.
  const flags = '--workload-groups 2 --workload-system-len 128 --workload-user-len 63 --workload-output-len 4'
  const run = `bench serving --base-url ${origin} --workload zipf --num-prompts 20 --max-concurrency 1 ${flags}`
  await program.parseAsync(run.split(' '), { from: 'user' })
  assert.equal(await promise, 0, out)
  assert.match(out, / {2}tokens +every token compared with the expected one\n/)
  const [, hit = '', saved = '', all = ''] =
    /prefix cache +hit rate ([\d.]+)% {3}prefill saved ([\d,]+) of ([\d,]+) prompt tokens\n/.exec(out) ?? []
  assert.deepEqual([saved, all], ['2,304', '3,840'], out)
  assert.equal(hit, '60.00')
})

test('the legs of a pinned load meet on their prefill and decode engine without a gateway', async () => {
  const plan = planSchema.parse({
    url: origin,
    pinned: {
      kind: 'pairs',
      prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
      decode: fleet.decode.map(({ url }) => url),
    },
    requests: 10,
    isStream: true,
    // One by one: prompts that are computed together have nothing of each other cached.
    arrivals: { kind: 'closed', concurrency: 1 },
    dataset: { kind: 'shared-prefix', groups: 2, systemTokens: 128, questionTokens: 63, outputTokens: 4 },
    seed: 5,
    scriptSeed: 0,
  })
  const generator = new Generator(plan, { process: 0, processes: 1 }, [])
  await generator.run(performance.timeOrigin + performance.now())
  const { records } = generator.take()
  assert.deepEqual(new Set(records.map(({ outcome }) => outcome)), new Set(['ok']))
  const cached = records.reduce((sum, { cachedTokens = 0 }) => sum + cachedTokens, 0)
  assert.equal(cached, 8 * 128)
})

/** The arrays of a result file, with an entry per request. */
function arrayOf(file: unknown, key: string): readonly unknown[] {
  const array: unknown = Reflect.get(Object(file), key)
  assert.ok(Array.isArray(array) && array.length === LOAD.requests, key)
  return array
}

test("vLLM's result file is written to the given folder and does not count the warm-up", async t => {
  const before = fleet.decode[0]?.counters.received ?? 0
  const folder = join(folderOf(t), 'results')
  const options = {
    backend: 'vllm',
    label: null,
    requestRate: Infinity,
    burstiness: 1,
    maxConcurrency: 10,
    ramp: undefined,
    metadata: { gpu: 'none' },
    percentileMetrics: ['e2el'],
    percentiles: [90],
    goodput: { e2el: 60_000 },
    isDetailed: true,
  } as const
  const run = {
    command: 'serving',
    url: origin,
    levels: [{ name: 'serving', load: { ...LOAD, isStream: true, requestIdPrefix: 'bench-' } }],
    warmUps: 5,
    readyWaitMs: 5000,
    flushesCache: true,
    hidesProgress: true,
    requestLog: join(folder, 'requests.jsonl'),
    vllm: { folder, fileName: 'run.json', isAppended: true, options },
  }
  assert.equal((await ran(run)).code, 0)
  const path = join(folder, 'run.json')
  const file: unknown = JSON.parse(readFileSync(path, 'utf8'))
  assert.partialDeepStrictEqual(file, { completed: 60, failed: 0, gpu: 'none', model_id: 'sim' })
  assert.ok(Number(Reflect.get(Object(file), 'request_goodput')) > 0)
  assert.equal(fleet.decode[0]?.counters.received, before + 65)
  assert.match(readFileSync(run.requestLog, 'utf8'), /"x_request_id":"bench-59"/)
  for (const text of arrayOf(file, 'generated_texts')) assert.match(String(text), /\w/)
  const outputs = arrayOf(file, 'output_lens')
  for (const [index, gaps] of arrayOf(file, 'itls').entries()) {
    assert.ok(Array.isArray(gaps))
    assert.ok(gaps.length > 0 && gaps.length < Number(outputs[index]))
  }
  assert.equal((await ran(run)).code, 0)
  const lines = readFileSync(path, 'utf8').split('\n')
  assert.deepEqual(
    lines.map(line => Reflect.get(Object(JSON.parse(line)), 'completed')),
    [60, 60],
  )
})

test('responses that differ from the script fail, and the exit code is 1', async t => {
  const wrong = await openFleet(t, { mixed: 1, knobs: { scriptSeed: 5 } })
  const url = wrong.mixed[0]?.url ?? ''
  const { code, out } = await ran({ command: 'basic', url, levels: [{ name: 'basic', load: LOAD }] })
  assert.equal(code, 1)
  assert.match(out, /altered +60 {3}at /)
})

test('an unreachable target causes one line and exit code 2', async () => {
  const run = { command: 'basic', url: 'http://127.0.0.1:1', levels: [{ name: 'basic', load: LOAD }] }
  const { code, out, err } = await ran(run)
  assert.deepEqual([code, out], [2, ''])
  assert.match(err, /^Target http:\/\/127\.0\.0\.1:1 is unreachable: [^\n]*\n$/)
})

test('a target that does not become ready in time is reported with the reason', async () => {
  const levels = [{ name: 'serving', load: LOAD }]
  const { code, err } = await ran({ command: 'serving', url: 'http://127.0.0.1:1', levels, readyWaitMs: 50 })
  assert.equal(code, 2)
  assert.equal(err, 'Target http://127.0.0.1:1 was not ready within 0.05 s: ECONNREFUSED\n')
})

test('an interrupted run prints its results so far, and its exit code is 130', async () => {
  const interrupt = new AbortController()
  const levels = [{ name: 'long', load: { ...LOAD, requests: 1_000_000 } }]
  let out = ''
  const code = await runBench({
    command: 'basic',
    url: origin,
    levels,
    out: text => void (out += text),
    // Not before a request was answered: on a busy machine that may take longer than the first line of progress.
    err: text => {
      if (/ [1-9][\d,]* ended/.test(text)) interrupt.abort()
    },
    terminal: undefined,
    signal: interrupt.signal,
  })
  assert.equal(code, 130)
  assert.match(out, /^long: [\d,]+ requests in .* \(interrupted\)/)
  // Some clients may be between two requests.
  assert.match(
    out,
    /\nInterrupted after .* with \d+ requests? open\. All [\d,]+ requests were answered correctly/,
  )
})

test('bench faults replays a script, whole responses survive it, and the expectations are reported', async t => {
  const reportDir = folderOf(t)
  let out = ''
  let err = ''
  await runFaults({
    script: 'stressed',
    requests: 100,
    concurrency: 20,
    isStream: false,
    gatewayFlags: ['--retry-max-retries', '8'],
    reportDir,
    out: text => void (out += text),
    err: text => void (err += text),
    terminal: undefined,
    signal: new AbortController().signal,
  })
  assert.match(out, /ok {5}load 1: correct responses: 100%/)
  assert.match(out, /\n {2}gateway +CPU [\d,]+ us per request, memory [\d,]+ MiB peak\n/)
  assert.match(
    out,
    /\nAll 100 requests were answered correctly, every token checked: .* expectations were met\.\n/,
  )
  assert.match(err, /^stressed: /)
  const texts = readdirSync(reportDir)
    .toSorted()
    .map(name => readFileSync(join(reportDir, name), 'utf8'))
  assert.equal(texts.length, 2)
  assert.match(texts[0] ?? '', /<h2>Expectations<\/h2>[\s\S]*correct responses[\s\S]*met/)
  assert.ok(reportSchema.parse(JSON.parse(texts[1] ?? '')).expectations.length > 1)
})

for (const [what, change, message] of [
  ['an unknown fault script', { script: 'nope' }, /^bench: [^\n]*nope/],
  [
    'an unknown flag of the gateway',
    { gatewayFlags: ['--bogus'] },
    /^bench: The gateway did not start: [^\n]*--bogus[^\n]*\n$/,
  ],
] as const) {
  test(`${what} causes one line and exit code 2`, async () => {
    let err = ''
    const listeners = process.listenerCount('exit')
    const run = { script: 'calm', requests: 1, concurrency: 1, isStream: false, gatewayFlags: [], ...change }
    const sinks = { out: () => undefined, err: (text: string) => void (err += text), terminal: undefined }
    assert.equal(await runFaults({ ...run, ...sinks, signal: new AbortController().signal }), 2)
    assert.match(err, message)
    assert.equal(process.listenerCount('exit'), listeners)
  })
}

test('a scenario runs in its own processes and checks its expectations', async () => {
  const scenario = readScenario('soak')
  if (scenario.kind !== 'soak') throw new TypeError('soak is not a soak scenario')
  const load = { ...scenario.load, requests: 400, arrivals: { kind: 'closed', concurrency: 20 } } as const
  const small = { ...scenario, load }
  const startMs = performance.now()
  const expectations = await runScenario(small, {
    signal: new AbortController().signal,
    log: () => undefined,
    onLoad: () => undefined,
  })
  const measuredBy = new Map(expectations.map(({ name, measured }) => [name, measured]))
  assert.equal(measuredBy.get('hangs'), '0')
  // The script restarts an engine after 10 s, which this small run takes on a busy machine only.
  const isLong = performance.now() - startMs > 10_000
  assert.ok(isLong || measuredBy.get('engines that restarted') === '0')
  assert.match(measuredBy.get('engines that restarted') ?? '', /^\d$/)
  assert.ok(Number(measuredBy.get('legs received per request by an engine role')) > 0.5)
  assert.ok(Number.parseFloat(measuredBy.get('correct responses among clients that stayed') ?? '') > 90)
})

test('engines that are removed and added under load cost no response', async () => {
  const scenario = readScenario('churn')
  if (scenario.kind !== 'churn') throw new TypeError('churn is not a churn scenario')
  const [load] = scenario.loads
  assert.ok(load !== undefined)
  const small = {
    ...scenario,
    gatewayFlags: ['--health-check-interval-secs', '0.2'],
    minChanges: 1,
    pauseMs: 10,
    loads: [{ ...load, requests: 400 }],
  }
  const expectations = await runScenario(small, {
    signal: new AbortController().signal,
    log: () => undefined,
    onLoad: () => undefined,
  })
  assert.deepEqual(
    expectations.filter(({ holds }) => !holds),
    [],
  )
})
