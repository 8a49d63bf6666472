import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { CliDependencies, FleetOptions } from '../../../src/cli/dependencies.ts'
import { runCli } from '../../../src/cli/program.ts'
import { startSimulatedFleet } from '../../../src/cli/simulated-fleet.ts'
import { type Config, configSchema } from '../../../src/config/config.ts'

interface Run {
  readonly code: number | undefined
  readonly config: Config | undefined
  readonly fleet: FleetOptions | undefined
  readonly out: string
  readonly err: string
  readonly closed: readonly string[]
}

/** Runs a command line with a gateway that is stopped as soon as it has started. */
async function run(
  line: string,
  env: Record<string, string> = {},
  parts: Partial<CliDependencies> = {},
): Promise<Run> {
  const signals = new EventEmitter()
  const seen: { config?: Config; fleet?: FleetOptions; out: string; err: string } = { out: '', err: '' }
  const closed: string[] = []
  const stopSoon = (): void => void setImmediate(() => signals.emit('SIGTERM'))
  const code = await runCli(line.split(/\s+/).filter(Boolean), env, {
    startGateway: async config => {
      seen.config = config
      stopSoon()
      return {
        port: 1,
        adminPort: 2,
        whenReady: async () => true,
        drain: async () => undefined,
        reopenLog: () => undefined,
        close: async () => void closed.push('gateway'),
      }
    },
    startFleet: async options => {
      seen.fleet = options
      stopSoon()
      return {
        prefill: [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }],
        decode: [{ url: 'http://127.0.0.1:3' }],
        mixed: Array.from({ length: options.mixed }, (_, index) => ({
          url: `http://127.0.0.1:${4 + index}`,
        })),
        close: async () => void closed.push('fleet'),
      }
    },
    signals,
    out: text => void (seen.out += text),
    err: text => void (seen.err += text),
    exit: exitCode => void closed.push(`exit ${exitCode}`),
    columns: 140,
    notifyParent: undefined,
    ...parts,
  })
  assert.equal(signals.listenerCount('SIGTERM'), 0)
  return { code, config: seen.config, fleet: seen.fleet, out: seen.out, err: seen.err, closed }
}

test('a documented command line of the Rust router starts the gateway with the same engines', async () => {
  const { code, config, err, closed } = await run(`
    --pd-disaggregation --prefill http://p1:30000 8998 --prefill http://p2:30000 none --decode http://d1:30000
    --decode http://d2:30000 --policy cache_aware --prefill-policy power_of_two --host 127.0.0.1 --port 8080
    --prometheus-port 29000 --prometheus-duration-buckets 0.5 1 2.5 --cb-failure-threshold 5 --max-concurrent-requests 256 --log-level WARN
    --dp-aware --mini-lb --selector app=x role=y --ca-cert-path a --disable-retries`)
  assert.equal(code, 0)
  assert.deepEqual(closed, ['gateway'])
  assert.deepEqual(config?.engines.prefill, [
    { url: 'http://p1:30000', bootstrapPort: 8998 },
    { url: 'http://p2:30000' },
  ])
  assert.deepEqual(config?.engines.decode, [{ url: 'http://d1:30000' }, { url: 'http://d2:30000' }])
  const { main, prefill } = config?.policy ?? {}
  assert.deepEqual([main, prefill], ['cache_aware', 'power_of_two'])
  assert.deepEqual([config?.server.port, config?.log.level, config?.retry.maxRetries], [8080, 'warn', 0])
  const warnings = err.trim().split('\n')
  assert.equal(warnings.length, 1)
  assert.match(err, /ignored flags: --selector$/m)
  assert.deepEqual(config?.upstream.caFiles, ['a'])
  assert.deepEqual(config?.admin.durationBucketsSecs, [0.5, 1, 2.5])
})

test('the ranks of vLLM engines are those of the flag that vllm-router has for them', async () => {
  const { config, err } = await run('--worker-urls http://a:1 --intra-node-data-parallel-size 2')
  assert.deepEqual([config?.engines.vllmDataParallelSize, config?.engines.dataParallelRanks], [2, 'auto'])
  assert.equal(err, '')
})

test('one flag accepts several engines, each with or without a port', async () => {
  const { config } = await run(
    '--prefill http://a:1 8998 http://b:1 NONE http://c:1 http://d:1 9000 --decode http://e:1 http://f:1',
  )
  assert.deepEqual(
    config?.engines.prefill.map(engine => engine.bootstrapPort),
    [8998, undefined, undefined, 9000],
  )
  assert.equal(config?.engines.decode.length, 2)
})

for (const [flags, text] of [
  ['--prefill http://a:1 89988', /flag --prefill: .*the bootstrap port must be 1 to 65535, got 89988/],
  ['--prefill http://a:1 0', /flag --prefill: .*the bootstrap port must be 1 to 65535, got 0/],
  ['--prefill http://a:1 1 2', /flag --prefill: .*must be a URL: only a prefill engine takes a .*, got "2"/],
  [
    '--decode http://a:1 8998',
    /flag --decode: .*must be a URL: only a prefill engine takes a .*, got "8998"/,
  ],
] as const)
  test(`a number that is no bootstrap port is called so: ${flags}`, async () => {
    const { code, err } = await run(flags)
    assert.equal(code, 2)
    assert.match(err, text)
  })

test('the help of a flag names other flags, not the config keys that they set', async () => {
  const { out } = await run('--help')
  assert.match(out, /--prefill-policy <name> +[^-]*Defaults to --policy\./)
  assert.match(out, /--prometheus-host <address> +[^-]*Defaults to --host\./)
  // It says which key it sets, and a key without a flag keeps its name.
  assert.match(out, /Sets\s+timeouts\.clientHeadMs/)
})

test('--worker-urls alone selects the mixed mode, also from the environment', async () => {
  assert.equal((await run('--worker-urls http://a:1 http://b:1')).config?.engines.mode, 'mixed')
  const { config } = await run('serve', { PDGW_WORKER_URLS: 'http://a:1,http://b:1' })
  assert.deepEqual([config?.engines.mode, config?.engines.mixed.length], ['mixed', 2])
})

test('--worker-urls contradicts --pd-disaggregation', async () => {
  const { code, err, config } = await run('--pd-disaggregation --worker-urls http://a:1')
  assert.deepEqual([code, config], [2, undefined])
  assert.match(err, /flag --worker-urls: engines\.mixed: .*engines\.mode is pd/)
})

test('a flag overrides its variable', async () => {
  const env = { PDGW_PORT: '1', PDGW_WORKERS: '3', PDGW_PREFILL: 'http://a:1 9001', PDGW_LOG_JSON: 'true' }
  const { config } = await run('--port 2 --decode http://b:1', env)
  assert.deepEqual([config?.server.port, config?.server.workers, config?.log.json], [2, 3, true])
  assert.deepEqual(config?.engines.prefill, [{ url: 'http://a:1', bootstrapPort: 9001 }])
})

test('variables that Kubernetes sets for a service named pdgw are ignored', async () => {
  const env = {
    PDGW_PORT: 'tcp://10.0.0.1:80',
    PDGW_SERVICE_HOST: '10.0.0.1',
    PDGW_PORT_80_TCP: 'tcp://10.0.0.1:80',
  }
  const { code, config, err } = await run('--worker-urls http://a:1', env)
  assert.deepEqual([code, config?.server.port, err], [0, 30_000, ''])
})

test('an unknown variable with our prefix causes a warning', async () => {
  assert.match((await run('--worker-urls http://a:1', { PDGW_PROT: '1' })).err, /unknown variable PDGW_PROT/)
})

test('a switch variable that is neither true nor false is rejected', async () => {
  const { code, err } = await run('', { PDGW_PD_DISAGGREGATION: 'maybe' })
  assert.equal(code, 2)
  assert.match(err, /variable PDGW_PD_DISAGGREGATION: engines\.mode: .*"maybe"/)
})

test('an unknown flag is an error with a suggestion', async () => {
  const { code, err, config } = await run('--prot 1')
  assert.deepEqual([code, config], [2, undefined])
  assert.match(err, /unknown option '--prot'.*--port/s)
})

test('all unknown flags are reported at once, with suggestions', async () => {
  const { code, err, config } = await run(
    '--prot 1 --polcy=random --nonsense --workers 2 --decodes http://d:1',
  )
  assert.deepEqual([code, config], [2, undefined])
  const issues = err.trim().split('\n').slice(1)
  assert.deepEqual(issues, [
    "  - unknown option '--prot'; did you mean --port?",
    "  - unknown option '--polcy'; did you mean --policy?",
    "  - unknown option '--nonsense'; --help lists all flags",
    "  - unknown option '--decodes'; did you mean --decode?",
  ])
})

test('the beginning of a flag is enough if no other flag begins like it, as in argparse', async () => {
  const { config } = await run('--worker-url http://a:1 --max-conc 7 --disable-circ --retry-init=50')
  assert.equal(config?.engines.mixed.length, 1)
  assert.equal(config?.admission.maxConcurrentRequests, 7)
  assert.deepEqual([config?.breaker.enabled, config?.retry.initialBackoffMs], [false, 50])
  const { code, err } = await run('--retry-max 3')
  assert.equal(code, 2)
  assert.match(err, /ambiguous option '--retry-max': write --retry-max-retries or --retry-max-backoff-ms$/m)
})

test('the demo completes the names of its flags, too', async () => {
  const { code, err } = await run('demo --prefill-coun 1 --nonsense --other')
  assert.equal(code, 2)
  assert.match(err, /'--nonsense'.*\n.*'--other'/)
  assert.doesNotMatch(err, /prefill-coun/)
})

test('the words serve and launch may come first', async () => {
  for (const word of ['serve', 'launch'])
    assert.equal((await run(`${word} --worker-urls http://a:1`)).config?.engines.mixed.length, 1)
})

test('flags that ask for what the gateway does anyway have no effect and cause no warning', async () => {
  const { code, err } = await run(
    '--mini-lb --enable-igw --no-remove-unhealthy-workers --worker-urls http://a:1',
  )
  assert.deepEqual([code, err], [0, ''])
})

for (const [flags, reason] of [
  ['--service-discovery --selector app=x', 'engines are not discovered'],
  ['--discovery-provider file --discovery-file f', 'engines are not discovered'],
  ['--epd-disaggregation --encode http://e:1 9000', 'separate engines for encoding'],
  ['--tenant-rate-limit-enabled', 'limits per tenant and per second'],
  ['--rate-limit-tokens-per-second 5', 'limits per tenant and per second'],
  ['--vllm-pd-disaggregation', "vLLM's protocol for prefill and decode"],
  ['--model-alias a=b', 'other names for models'],
  ['--cors-allowed-origins http://a', 'pages of other origins'],
  ['--enable-wasm', 'plugins, tools'],
  ['--backend openai', '"openai" is not supported; expected sglang or vllm'],
  ['--history-backend postgres', '"postgres" is not supported'],
] as const) {
  test(`the gateway does not start with ${flags}, which would change who is served`, async () => {
    const { code, err, config } = await run(`--worker-urls http://a:1 ${flags}`)
    assert.deepEqual([code, config], [2, undefined])
    assert.ok(err.includes(`: ${reason}`), err)
  })
}

test('a rejected setting that is switched off as a variable does not prevent the start', async () => {
  assert.equal((await run('--worker-urls http://a:1', { PDGW_SERVICE_DISCOVERY: 'false' })).code, 0)
})

test("timeouts that another router has in seconds set the keys in milliseconds, its 0 the key's maximum", async () => {
  const flags = [
    'header-read-timeout-secs',
    'idle-connection-timeout-secs',
    'stream-body-stall-timeout-secs',
    'sse-keepalive-secs',
    'upstream-pool-idle-timeout-secs',
  ]
  const timesWith = async (values: readonly (number | string)[], env: Record<string, string> = {}) => {
    const line = flags.map((flag, index) => `--${flag} ${values[index]}`).join(' ')
    const { config, err } = await run(`--worker-urls http://a:1 ${values.length > 0 ? line : ''}`, env)
    assert.doesNotMatch(err, /ignored/)
    const { clientHeadMs, clientIdleMs, bodyMs, heartbeatMs } = config?.timeouts ?? {}
    return [clientHeadMs, clientIdleMs, bodyMs, heartbeatMs, config?.upstream.keepAliveMs]
  }
  assert.deepEqual(await timesWith([30, 90, 300, 15, 2.5]), [30_000, 90_000, 300_000, 15_000, 2500])
  const dayMs = 86_400_000
  assert.deepEqual(await timesWith([0, 0, 0, 0, 0]), [dayMs, dayMs, dayMs, 0, dayMs])
  assert.equal((await timesWith([], { PDGW_SSE_KEEPALIVE_SECS: '20' }))[3], 20_000)
  assert.match((await run('--sse-keepalive-secs soon')).err, /flag --sse-keepalive-secs: .*soon/)
  assert.match((await run('--help')).out, /--idle-connection-timeout-secs <seconds> [^]*?\(default: 75\)/)
})

test('policies and log levels of other routers have a substitute', async () => {
  for (const [policy, name] of [
    ['consistent_hash', 'consistent_hashing'],
    ['sticky_least_loaded', 'manual'],
    ['kv_aware', 'cache_aware'],
    ['passthrough', 'least_load'],
  ])
    assert.equal((await run(`--worker-urls http://a:1 --policy ${policy}`)).config?.policy.main, name)
  const { config, err } = await run('--worker-urls http://a:1 --policy random --decode-policy kv_aware')
  assert.deepEqual([config?.policy.main, config?.policy.decode], ['random', 'cache_aware'])
  assert.match(err, /flag --decode-policy: policy kv_aware .*; using cache_aware instead, .* --kv-events\n/)
  assert.equal((await run('--worker-urls http://a:1 --log-level critical')).config?.log.level, 'error')
})

test('flags of other routers for sticky sessions and prefixes set the keys of the policies', async () => {
  const { config, err } =
    await run(`--worker-urls http://a:1 --policy manual --routing-key-headers X-Key,x-other x-third
    --hash-field conversation.id,user --prefix-token-count 128 --prefix-hash-load-factor 2
    --prefix-hash-balance-abs-threshold 7 --assignment-mode min_group --max-idle-secs 60
    --bucket-adjust-interval-secs 9`)
  assert.equal(err, '')
  assert.deepEqual(config?.policy, {
    ...configSchema.parse({}).policy,
    main: 'manual',
    keyHeaders: ['x-key', 'x-other', 'x-third'],
    keyFields: ['conversation.id', 'user'],
    prefixBytes: 512,
    loadFactor: 2,
    loadMargin: 7,
    assignment: 'min_load',
    stickyIdleSecs: 60,
    bucketAdjustSecs: 9,
  })
  for (const flag of ['--sticky-sessions', '--routing-key-override']) {
    const sticky = await run(`--worker-urls http://a:1 ${flag} --assignment-mode delegate`)
    assert.deepEqual([sticky.config?.policy.sticky, sticky.err], [true, ''])
  }
  const random = await run(
    '--worker-urls http://a:1 --assignment-mode random --hash-header a --hash-load-factor 1',
  )
  assert.deepEqual([random.config?.policy.assignment, random.config?.policy.loadFactor], ['hash', 1])
})

test('a bound is switched off with a huge number, as in other routers', async () => {
  const huge = String(2n ** 64n - 1n)
  const { config, err } =
    await run(`--worker-urls http://a:1 --balance-abs-threshold ${huge} --balance-rel-threshold 1e9
    --prefix-hash-load-factor 1000 --prefix-hash-balance-abs-threshold 1000000 --max-idle-secs ${huge}
    --bucket-adjust-interval-secs 100000`)
  assert.equal(err, '')
  const { balanceAbs, balanceRel, loadFactor, loadMargin, stickyIdleSecs, bucketAdjustSecs } =
    config?.policy ?? {}
  const max = Number.MAX_SAFE_INTEGER
  assert.deepEqual([balanceAbs, balanceRel, stickyIdleSecs], [max, 1e9, max])
  assert.deepEqual([loadFactor, loadMargin, bucketAdjustSecs], [1000, 1_000_000, 100_000])
  for (const [wrong, said] of [
    ['-1', 'expected number to be >=0'],
    ['1.5', 'expected int'],
    ['many', 'expected number'],
  ] as const) {
    const refused = await run(`--worker-urls http://a:1 --balance-abs-threshold ${wrong}`)
    assert.equal(refused.code, 2)
    assert.match(refused.err, new RegExp(`flag --balance-abs-threshold: policy\\.balanceAbs: ${said}`))
  }
})

test('the warning of an ignored flag names the flag that does the same here', async () => {
  const { config, err } = await run(
    '--worker-urls http://a:1 --max-tree-size 1000 --block-size 16 --index-bytes 1048576 --pd-kv-events x',
  )
  assert.equal(config?.policy.indexBytes, 1_048_576)
  assert.match(
    err,
    /ignored flags: --max-tree-size \(instead: --index-bytes\) --block-size --pd-kv-events \(instead: --kv-events\)$/m,
  )
})

test('flags that another router has two names for have both', async () => {
  const { config, err } = await run(
    '--worker-urls http://a:1 --cache-match-threshold 0.3 --spill-abs-threshold 8 --spill-rel-threshold 1.2',
  )
  assert.equal(err, '')
  const { cacheThreshold, balanceAbs, balanceRel } = config?.policy ?? {}
  assert.deepEqual([cacheThreshold, balanceAbs, balanceRel], [0.3, 8, 1.2])
})

test('a path or a header that cannot have a routing key is refused, with what was expected', async () => {
  for (const path of [
    'metadata..id',
    '.user',
    'user.',
    '$',
    '$.',
    'session.ids[0]',
    'messages.*',
    "a['b']",
  ]) {
    const { code, err } = await run(`--worker-urls http://a:1 --hash-field ${path}`)
    assert.equal(code, 2, path)
    assert.ok(
      err.includes(
        `policy.keyFields[0]: must be names of members joined by dots, such as metadata.user_id, without the brackets and asterisks of JSONPath, got ${JSON.stringify(path)}`,
      ),
      err,
    )
  }
  const { code, err } = await run('--worker-urls http://a:1 --hash-header Content-Length')
  assert.equal(code, 2)
  assert.match(err, /policy\.keyHeaders\[0\]: must not be a header that HTTP itself needs/)
})

test('a path to a routing key may begin as JSONPath does', async () => {
  const { config, err } = await run(
    '--worker-urls http://a:1 --hash-field $.metadata.user_id,$ref,$.$.a user',
  )
  assert.equal(err, '')
  assert.deepEqual(config?.policy.keyFields, ['metadata.user_id', '$ref', '$.a', 'user'])
})

test('all invalid flags are reported at once', async () => {
  const { code, err } = await run('--port x --workers 99 --policy best --decode foo')
  assert.equal(code, 2)
  for (const flag of ['--port', '--workers', '--policy', '--decode'])
    assert.match(err, new RegExp(`flag ${flag}:`))
})

test('the gateway does not start with flags for authentication or TLS', async () => {
  const { code, err, config } = await run(
    '--worker-urls http://a:1 --api-key secret --tls-cert-path c --tenant-api-key a:b c:d',
  )
  assert.deepEqual([code, config], [2, undefined])
  for (const flag of ['--api-key', '--tls-cert-path', '--tenant-api-key'])
    assert.match(err, new RegExp(`flag ${flag}: authentication and TLS for clients are not supported`))
  assert.doesNotMatch(err, /secret/)
  const byVariable = await run('--worker-urls http://a:1', { PDGW_API_KEY: 'secret' })
  assert.equal(byVariable.code, 2)
  assert.match(byVariable.err, /variable PDGW_API_KEY: /)
})

test('a gateway without engines starts with a warning', async () => {
  const { code, err } = await run('')
  assert.equal(code, 0)
  assert.match(err, /no engines are configured/)
  assert.match((await run('--pd-disaggregation')).err, /no prefill or decode engines are configured/)
})

test('KV events that no policy goes by lead to a warning', async () => {
  const pair = '--prefill http://a:1 --decode http://b:1'
  for (const [line, role, policy] of [
    ['--worker-urls http://a:1 --policy least_load', 'mixed', 'least_load'],
    ['--worker-urls http://a:1 --policy random --prefill-policy cache_aware', 'mixed', 'random'],
    [`${pair} --prefill-policy round_robin`, 'prefill', 'round_robin'],
    [`${pair} --policy manual --decode-policy cache_aware`, 'prefill', 'manual'],
  ] as const) {
    const { code, err } = await run(`${line} --kv-events`)
    assert.equal(code, 0)
    assert.match(
      err,
      new RegExp(`KV events have no effect, because ${role} engines are chosen by ${policy}:`),
    )
    assert.equal((await run(line)).err, '')
  }
  for (const line of ['--worker-urls http://a:1', `${pair} --policy random --prefill-policy cache_aware`])
    assert.equal((await run(`${line} --kv-events`)).err, '')
})

test('a gateway that cannot start prints one line and exits with code 1', async () => {
  const { code, err } = await run(
    '--worker-urls http://a:1',
    {},
    {
      startGateway: async () => {
        throw new Error('port 30000 is taken')
      },
    },
  )
  assert.deepEqual([code, err], [1, 'pd-gateway: port 30000 is taken\n'])
})

test('the help names every flag with its default, and no ignored flag', async () => {
  const { code, out } = await run('--help')
  assert.equal(code, 0)
  assert.match(out, /^ {2}--port <n> .*\(default: 30000\)$/m)
  assert.match(out, /Examples:/)
  assert.doesNotMatch(out, /max-tree-size/)
})

test('--version prints the version of the package', async () => {
  assert.match((await run('--version')).out, /^\d+\.\d+\.\d+\n$/)
})

test('simulate starts the engines that were requested and prints the command of a gateway for them', async () => {
  const { code, fleet, out, closed } = await run(
    'simulate --prefill-count 1 --decode-count 3 --base-port 9000 --knob seed=7 profile=old --preset stressed',
  )
  assert.equal(code, 0)
  assert.deepEqual(fleet, {
    prefill: 1,
    decode: 3,
    mixed: 0,
    basePort: 9000,
    knobs: { seed: 7, profile: 'old' },
    preset: 'stressed',
  })
  assert.match(
    out,
    /node bin\/pd-gateway\.js --pd-disaggregation \\\n.*--prefill http:\/\/127\.0\.0\.1:1 2 \\\n.*--decode/,
  )
  assert.deepEqual(closed, ['fleet'])
})

for (const [flags, counts] of [
  ['', { prefill: 2, decode: 2, mixed: 0 }],
  ['--mixed-count 1', { prefill: 0, decode: 0, mixed: 1 }],
  ['--mixed-count 1 --prefill-count 0 --decode-count 0', { prefill: 0, decode: 0, mixed: 1 }],
  ['--mixed-count 1 --prefill-count 2', { prefill: 2, decode: 0, mixed: 1 }],
] as const) {
  test(`simulate ${flags} starts ${JSON.stringify(counts)}`, async () => {
    const { prefill, decode, mixed } = (await run(`simulate ${flags}`)).fleet ?? assert.fail('no fleet')
    assert.deepEqual({ prefill, decode, mixed }, counts)
  })
}

test('simulate prints a gateway command for pairs and one for mixed engines when it has both', async () => {
  const { out } = await run('simulate --mixed-count 2 --prefill-count 1 --decode-count 1')
  assert.match(out, /--pd-disaggregation \\\n +--prefill \S+ 2 \\\n +--decode \S+\n/)
  assert.match(out, /--worker-urls \\\n +http:\/\/127\.0\.0\.1:4 \\\n +http:\/\/127\.0\.0\.1:5\n/)
})

test('simulate sends its addresses to a parent that asked for them', async () => {
  const sent: unknown[] = []
  const { out } = await run('simulate --notify-parent', {}, { notifyParent: urls => void sent.push(urls) })
  assert.deepEqual(sent, [
    {
      prefill: [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }],
      decode: [{ url: 'http://127.0.0.1:3' }],
      mixed: [],
    },
  ])
  assert.equal(out, '')
})

test('simulate prints its addresses when its parent has a channel but did not ask, as the launcher for an older Node does', async () => {
  const { out } = await run('simulate', {}, { notifyParent: () => assert.fail('the parent did not ask') })
  assert.match(out, /--prefill http:/)
})

test('simulate opens a control port if one is requested', async () => {
  assert.equal((await run('simulate --control-port 0')).fleet?.controlPort, 0)
  assert.equal((await run('simulate')).fleet?.controlPort, undefined)
})

test('simulate without any engine is an invalid command line', async () => {
  const { code, err } = await run('simulate --prefill-count 0 --decode-count 0')
  assert.equal(code, 2)
  assert.match(err, /no engine to simulate/)
})

test('a knob or a fault script that is not valid is an invalid command line that names the flag', async () => {
  const parts = { startFleet: startSimulatedFleet }
  const knobs = await run('simulate --knob foo=1 pBase=2', {}, parts)
  assert.equal(knobs.code, 2)
  assert.match(knobs.err, /flag --knob: unknown knob foo; see docs\/simulator\.md$/m)
  assert.match(knobs.err, /flag --knob: pBase: .*<=1$/m)
  const script = await run('simulate --script nowhere', {}, parts)
  assert.equal(script.code, 2)
  assert.match(script.err, /flag --script: No such fault script: nowhere/)
})

test('an unknown command is named, and starts nothing', async () => {
  const { code, err, config } = await run('frobnicate --port 1')
  assert.deepEqual([code, config], [2, undefined])
  assert.match(err, /unknown command 'frobnicate'/)
})

test('help prints the help of the program or of a command', async () => {
  const program = await run('help')
  assert.deepEqual([program.code, program.out], [0, (await run('--help')).out])
  assert.match((await run('help demo')).out, /^Usage: pd-gateway demo/)
})

test('a knob without a value is an error', async () => {
  assert.equal((await run('simulate --knob seed')).code, 2)
})
