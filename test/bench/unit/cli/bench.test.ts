/** Flags of `pd-gateway bench`: names and defaults, compared with smg, SGLang and vLLM, and the runs that they request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addBenchCommands } from '../../../../bench/cli/bench.ts'
import type { BenchRun } from '../../../../bench/command/run-bench.ts'
import { systemDependencies } from '../../../../src/cli/dependencies.ts'

/** Short form, long form and default of smg's flags; only the port in its default URL differs, 8000. */
const ORIGINAL: Record<string, readonly (readonly [string | undefined, string, unknown])[]> = {
  basic: [
    ['-r', '--requests', 1000],
    ['-c', '--concurrency', 100],
    ['-t', '--max-tokens', 50],
    ['-T', '--timeout', 60],
  ],
  realistic: [
    ['-r', '--requests', 1000],
    ['-c', '--concurrency', 100],
    [undefined, '--min-tokens', 100],
    [undefined, '--max-tokens', 500],
    ['-s', '--stream', true],
    ['-T', '--timeout', 120],
  ],
  progressive: [
    [undefined, '--start-concurrency', 10],
    [undefined, '--max-concurrency', 1000],
    [undefined, '--step', 10],
    [undefined, '--requests-per-level', 100],
    ['-T', '--timeout', 60],
  ],
  sustained: [
    ['-c', '--concurrency', 100],
    ['-d', '--duration', 60],
    ['-t', '--max-tokens', 50],
    ['-s', '--stream', false],
    ['-T', '--timeout', 60],
  ],
}
const GLOBAL = [
  [undefined, '--url', 'http://127.0.0.1:30000'],
  [undefined, '--json-report', undefined],
  [undefined, '--report-dir', './benchmark_reports'],
] as const

/** Names and defaults of SGLang and vLLM. */
const SERVING = {
  '--num-prompts': 1000,
  '--random-input-len': 1024,
  '--random-output-len': 1024,
  '--random-range-ratio': 0,
  '--request-rate': Infinity,
  '--burstiness': 1,
  '--max-concurrency': undefined,
  '--seed': 1,
  '--gsp-num-groups': 64,
  '--gsp-system-prompt-len': 2048,
  '--gsp-question-len': 128,
  '--gsp-output-len': 256,
  '--ramp-up-strategy': undefined,
  '--ramp-up-start-rps': undefined,
  '--ramp-up-end-rps': undefined,
  '--output-file': undefined,
  '--disable-stream': undefined,
  '--extra-request-body': undefined,
  '--use-trace-timestamps': undefined,
  '--mooncake-slowdown-factor': 1,
  '--gsp-prompts-per-group': undefined,
  '--output-details': undefined,
  '--flush-cache': undefined,
  '--warmup-requests': undefined,
  '--header': undefined,
  '--model': undefined,
  '--tokenizer': undefined,
  '--disable-tqdm': undefined,
  '--num-warmups': 0,
  '--extra-body': undefined,
  '--ready-check-timeout-sec': undefined,
  '--request-id-prefix': undefined,
  '--duration': undefined,
  '--timeout': 600,
}

interface Bench {
  readonly command: Command
  readonly runs: BenchRun[]
}

function benchOf(): Bench {
  const runs: BenchRun[] = []
  const root = new Command('pd-gateway').exitOverride()
  const parts = {
    ...systemDependencies(),
    startGateway: () => Promise.reject(new Error('no gateway')),
    startFleet: () => Promise.reject(new Error('no fleet')),
  }
  const command = addBenchCommands(
    root,
    parts,
    () => undefined,
    run => {
      runs.push(run)
      return Promise.resolve(0)
    },
  )
  return { command, runs }
}

async function loadOf(...args: string[]) {
  const { command, runs } = benchOf()
  await command.parseAsync(args, { from: 'user' })
  return runs[0]?.levels.map(({ load }) => load) ?? []
}

async function isStream(...args: string[]) {
  return (await loadOf(...args))[0]?.isStream
}

for (const [name, options] of Object.entries(ORIGINAL)) {
  test(`bench ${name} has smg's flags, short and long, with their defaults`, () => {
    const found = benchOf().command.commands.find(one => one.name() === name)?.options ?? []
    for (const [short, long, byDefault] of [...options, ...GLOBAL]) {
      const option = found.find(one => one.long === long)
      assert.deepEqual([option?.short, option?.defaultValue], [short, byDefault], long)
    }
  })
}

test("bench serving has bench_serving's flags with their defaults", () => {
  const found = benchOf().command.commands.find(one => one.name() === 'serving')?.options ?? []
  for (const [long, byDefault] of Object.entries(SERVING)) {
    const option = found.find(one => one.long === long)
    assert.ok(option !== undefined, long)
    assert.equal(option.defaultValue, byDefault, long)
  }
})

test('bench basic builds the load from its flags', async () => {
  const [load] = await loadOf('basic', '-r', '7', '-c', '3', '-t', '9', '-T', '0.5', '--endpoint', 'chat')
  assert.partialDeepStrictEqual(load, {
    requests: 7,
    endpoint: 'chat',
    arrivals: { kind: 'closed', concurrency: 3 },
    dataset: { minTokens: 9, maxTokens: 9 },
    timeoutMs: 500,
  })
})

test('bench progressive raises the concurrency by its step up to its maximum', async () => {
  const loads = await loadOf(
    'progressive',
    '--start-concurrency',
    '5',
    '--max-concurrency',
    '16',
    '--step',
    '5',
  )
  assert.deepEqual(
    loads.map(({ arrivals }) => arrivals),
    [5, 10, 15].map(concurrency => ({ kind: 'closed', concurrency })),
  )
  const few = await loadOf('progressive', '--max-concurrency', '30', '--requests-per-level', '20')
  assert.deepEqual(
    few.map(({ requests }) => requests),
    [20, 20, 30],
  )
})

test('-s enables streaming, with true, with false and without a value', async () => {
  assert.equal(await isStream('realistic', '-s', 'false'), false)
  assert.equal(await isStream('realistic'), true)
  assert.equal(await isStream('sustained'), false)
  assert.equal(await isStream('sustained', '-s'), true)
})

test('a workload of bench serving is a dataset of chat streams with its usual figures', async () => {
  const [zipf] = await loadOf('serving', '--workload', 'zipf', '--request-rate', '30')
  assert.partialDeepStrictEqual(zipf, {
    requests: 1000,
    endpoint: 'chat',
    isStream: true,
    arrivals: { kind: 'open', ratePerSecond: 30, burstiness: 1 },
    dataset: {
      kind: 'shared-prefix',
      groups: 64,
      systemTokens: 2048,
      questionTokens: 128,
      popularity: 'zipf',
    },
  })
  const [talk] = await loadOf('serving', '--workload', 'conversations', '--workload-turns', '5')
  assert.partialDeepStrictEqual(talk, {
    requests: 400,
    endpoint: 'chat',
    dataset: {
      kind: 'conversations',
      conversations: 80,
      turns: 5,
      systems: 8,
      systemTokens: 512,
      turnTokens: 256,
    },
  })
  const [even] = await loadOf(
    'serving',
    '--workload',
    'shared-prefix',
    '--num-prompts',
    '9',
    '--backend',
    'vllm',
  )
  assert.partialDeepStrictEqual(even, {
    requests: 9,
    endpoint: 'completions',
    dataset: { popularity: 'uniform', zipfExponent: 1.2 },
  })
  assert.equal((await loadOf('serving', '--workload', 'conversations', '--num-prompts', '7'))[0]?.requests, 7)
})

test('bench serving builds an open loop with a ramp, and clients that leave', async () => {
  const flags =
    '--ramp-up-strategy linear --ramp-up-start-rps 1 --ramp-up-end-rps 9 --cancel-rate 0.2 --cancel-after 2'
  const [load] = await loadOf(
    'serving',
    ...flags.split(' '),
    '--backend',
    'sglang-oai-chat',
    '--max-concurrency',
    '4',
  )
  assert.partialDeepStrictEqual(load, {
    endpoint: 'chat',
    isStream: true,
    leaveShare: 0.2,
    leaveWithinMs: 2000,
    arrivals: {
      kind: 'open',
      maxConcurrency: 4,
      ramp: { shape: 'linear', startRatePerSecond: 1, endRatePerSecond: 9 },
    },
  })
})

test('--save-detailed and --append-result imply --save-result', async () => {
  assert.equal(await fileOf(), undefined)
  assert.partialDeepStrictEqual(await fileOf('--save-result'), {
    isAppended: false,
    options: { isDetailed: false },
  })
  assert.partialDeepStrictEqual(await fileOf('--append-result'), { isAppended: true })
  assert.partialDeepStrictEqual(await fileOf('--save-detailed'), { options: { isDetailed: true } })
})

test('bench serving builds requests and run from its flags', async () => {
  const flags =
    '--backend openai-chat --model m --tokenizer t --header x-a=1 x-b=2=3 --extra-request-body {"a":1} ' +
    '--extra-body {"b":2} --request-id-prefix r- --duration 3 --dataset-name generated-shared-prefix ' +
    '--gsp-num-groups 2 --gsp-prompts-per-group 5 --warmup-requests 4 --flush-cache --disable-tqdm ' +
    '--ready-check-timeout-sec 7'
  const { command, runs } = benchOf()
  await command.parseAsync(['serving', ...flags.split(' ')], { from: 'user' })
  const [run] = runs
  const before = { warmUps: 4, flushesCache: true, hidesProgress: true, readyWaitMs: 7000 }
  assert.partialDeepStrictEqual(run, before)
  assert.partialDeepStrictEqual(run?.levels[0]?.load, {
    endpoint: 'chat',
    model: 'm',
    headers: { 'x-a': '1', 'x-b': '2=3' },
    extraBody: { a: 1, b: 2 },
    requestIdPrefix: 'r-',
    durationMs: 3000,
    requests: 10,
  })
})

test('URL and report flags are accepted before the name of the benchmark, as in smg', async () => {
  const { command, runs } = benchOf()
  const flags = '--url http://127.0.0.1:8000 --report-dir out basic -r 7'
  await command.parseAsync(flags.split(' '), { from: 'user' })
  const [run] = runs
  assert.deepEqual(
    [run?.url, run?.reportDir, run?.levels[0]?.load.requests],
    ['http://127.0.0.1:8000', 'out', 7],
  )
  await assert.rejects(loadOf('--url', 'http://127.0.0.1:8000', 'serving'), /bench serving has no --url/)
})

test('conflicting flags are rejected', async () => {
  await assert.rejects(loadOf('serving', '--dataset-name', 'custom'), /requires --dataset-path/)
  await assert.rejects(loadOf('serving', '--ramp-up-strategy', 'linear'), /requires --ramp-up-start-rps/)
  const ramp = ['--ramp-up-strategy', 'linear', '--ramp-up-start-rps', '1', '--ramp-up-end-rps', '2']
  await assert.rejects(loadOf('serving', ...ramp, '--request-rate', '5'), /cannot be combined/)
  await assert.rejects(loadOf('serving', '--use-trace-timestamps'), /requires --dataset-name mooncake/)
  await assert.rejects(loadOf('serving', '--output-details'), /requires --output-file/)
  await assert.rejects(loadOf('serving', '--header', 'content-length=1'), /sets this header itself/)
})

for (const [flags, message] of [
  ['basic --url localhost:30000', /Expected a URL such as http/],
  ['basic --url https://localhost:30000', /Only http URLs are supported/],
  ['basic --url http://localhost:30000?x=1', /without \? and #/],
  ['serving --port 70000', /1 to 65535/],
  ['serving --burstiness 0', /above 0, or inf/],
  ['serving --ramp-up-start-rps inf', /--ramp-up-start-rps.* Expected a number above 0\./],
  ['serving --mooncake-slowdown-factor inf', /--mooncake-slowdown-factor.* Expected a number above 0\./],
  ['serving --cancel-after inf', /--cancel-after.* Expected a number of seconds from 0/],
  ['serving --host http://localhost', /Expected a host name or an IP address/],
] as const) {
  test(`bench ${flags} is rejected`, async () => {
    await assert.rejects(loadOf(...flags.split(' ')), message)
  })
}

test('an IPv6 host becomes a URL with brackets', async () => {
  const { command, runs } = benchOf()
  await command.parseAsync(['serving', '--host', '::1', '--port', '8000'], { from: 'user' })
  assert.equal(runs[0]?.url, 'http://[::1]:8000')
})

async function fileOf(...flags: string[]) {
  const { command, runs } = benchOf()
  await command.parseAsync(['serving', ...flags], { from: 'user' })
  return runs[0]?.vllm
}
