import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCli } from '../../../src/cli/program.ts'
import type { Config } from '../../../src/config/config.ts'

/** Stands in for `pd-gateway simulate` in the child process. Writes its arguments to a file next to it. */
const CHILD = `
import { writeFileSync } from 'node:fs'
writeFileSync(new URL('arguments.json', import.meta.url), JSON.stringify(process.argv.slice(2)))
const isMixed = process.argv.join(' ').includes('--mixed-count 2')
process.send({
  prefill: isMixed ? [] : [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }],
  decode: isMixed ? [] : [{ url: 'http://127.0.0.1:3' }],
  mixed: isMixed ? [{ url: 'http://127.0.0.1:4' }, { url: 'http://127.0.0.1:5' }] : [],
})
process.on('disconnect', () => process.exit(0))
process.on('message', () => undefined)`

interface Options {
  readonly env?: Record<string, string>
  readonly child?: string
  /** Ports on which another process listens. */
  readonly busy?: readonly number[]
}

interface Run {
  readonly code: number | undefined
  readonly config: Config | undefined
  readonly out: string
  readonly err: string
  /** Arguments of the child process; empty if none was started. */
  readonly childArguments: readonly string[]
}

/** Runs `demo` with these flags, a stand-in for the engines, and a gateway that is stopped once it has started. */
async function demo(
  t: TestContext,
  flags: string,
  { env = {}, child = CHILD, busy = [] }: Options = {},
): Promise<Run> {
  const folder = folderOf(t)
  const mainPath = join(folder, 'main.mjs')
  writeFileSync(mainPath, child)
  const signals = new EventEmitter()
  const seen: { config?: Config; out: string; err: string } = { out: '', err: '' }
  const code = await runCli(['demo', ...flags.split(' ').filter(Boolean)], env, {
    startGateway: async config => {
      seen.config = config
      setImmediate(() => signals.emit('SIGINT'))
      return {
        port: 4321,
        adminPort: 8765,
        whenReady: async () => true,
        drain: async () => undefined,
        reopenLog: () => undefined,
        close: async () => undefined,
      }
    },
    startFleet: async () => assert.fail('the engines run in a child process'),
    signals,
    busyAddresses: async addresses => addresses.filter(({ port }) => busy.includes(port)),
    mainPath,
    columns: 140,
    out: text => void (seen.out += text),
    err: text => void (seen.err += text),
  })
  return { code, config: seen.config, out: seen.out, err: seen.err, childArguments: argumentsIn(folder) }
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-demo-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function argumentsIn(folder: string): string[] {
  try {
    return [].concat(JSON.parse(readFileSync(join(folder, 'arguments.json'), 'utf8')))
  } catch {
    return []
  }
}

test('the demo starts a gateway for engines in a child process and prints where everything is', async t => {
  const { code, config, out } = await demo(t, '')
  assert.equal(code, 0)
  assert.equal(config?.engines.mode, 'pd')
  assert.deepEqual(config?.engines.prefill, [{ url: 'http://127.0.0.1:1', bootstrapPort: 2 }])
  assert.deepEqual(config?.engines.decode, [{ url: 'http://127.0.0.1:3' }])
  for (const path of ['/v1/chat/completions', '/generate']) {
    assert.ok(out.includes(`curl http://127.0.0.1:4321${path}`))
  }
  assert.match(out, /^API: +http:\/\/127\.0\.0\.1:4321$/m)
  assert.match(out, /^Metrics: +http:\/\/127\.0\.0\.1:8765\/metrics$/m)
  assert.match(out, /^Admin: +http:\/\/127\.0\.0\.1:8765\/admin\/engines$/m)
  assert.match(out, /Press Ctrl-C to stop/)
})

test('the ports of the demo are the same at every start', async t => {
  const { config, childArguments } = await demo(t, '')
  assert.deepEqual([config?.server.port, config?.admin.port], [30_000, 29_000])
  assert.match(childArguments.join(' '), /^simulate --notify-parent .*--base-port 31900\b/)
})

test('the demo has defaults of its own, which a flag, a variable and a config file each replace', async t => {
  const { config } = await demo(t, '')
  assert.deepEqual(ownDefaults(config), ['127.0.0.1', '127.0.0.1', 300, 5, 0])

  const file = join(folderOf(t), 'gateway.yaml')
  writeFileSync(file, 'retry: { maxRetries: 2 }\nadmission: { queueTimeoutSecs: 7 }')
  const flags = `--config ${file} --host 0.0.0.0 --shutdown-settle-secs 3`
  const replaced = await demo(t, flags, {
    env: { PDGW_QUEUE_TIMEOUT_SECS: '8', PDGW_PROMETHEUS_HOST: '::1', PDGW_SHUTDOWN_SETTLE_SECS: '4' },
  })
  assert.deepEqual(ownDefaults(replaced.config), ['0.0.0.0', '::1', 8, 2, 3])
  assert.match(replaced.out, /^API: +http:\/\/127\.0\.0\.1:4321$/m)
  assert.match(replaced.out, /^Metrics: +http:\/\/\[::1\]:8765\/metrics$/m)
})

function ownDefaults(config: Config | undefined): unknown[] {
  const { server, admin, admission, retry } = config ?? assert.fail('the gateway was started')
  const adminHost = admin.host ?? server.host
  return [server.host, adminHost, admission.queueTimeoutSecs, retry.maxRetries, server.shutdownSettleSecs]
}

test('the demo takes the flags of the gateway', async t => {
  const { config } = await demo(
    t,
    '--workers 2 --policy power_of_two --prometheus-port 0 --port 0 --disable-retries --log-level error',
  )
  assert.deepEqual([config?.server.workers, config?.server.port, config?.admin.port], [2, 0, 0])
  assert.deepEqual(
    [config?.policy.main, config?.log.level, config?.retry.maxRetries],
    ['power_of_two', 'error', 0],
  )
})

test('flags that are ignored or refused by the gateway are ignored or refused by the demo', async t => {
  const ignored = await demo(t, '--max-tree-size 0.5')
  assert.equal(ignored.code, 0)
  assert.match(ignored.err, /--max-tree-size/)
  const refused = await demo(t, '--api-key secret')
  assert.deepEqual([refused.code, refused.childArguments], [2, []])
  assert.match(refused.err, /flag --api-key/)
})

test('a faulty flag or variable ends the demo before any engine starts', async t => {
  const { code, err, childArguments } = await demo(t, '--workers 999', { env: { PDGW_PORT: 'x' } })
  assert.deepEqual([code, childArguments], [2, []])
  assert.match(err, /flag --workers: .*999/)
  assert.match(err, /variable PDGW_PORT: /)
})

test('an unknown flag of the demo is an error', async t => {
  const { code, err } = await demo(t, '--wokers 2')
  assert.equal(code, 2)
  assert.match(err, /unknown option '--wokers'.*--workers/s)
})

test('the demo passes the flags of the simulator on to its engines', async t => {
  const { childArguments } = await demo(
    t,
    '--prefill-count 3 --decode-count 1 --base-port 4000 --preset stressed --script burst --knob kvTokens=9 modelId=a',
  )
  assert.equal(
    childArguments.join(' '),
    'simulate --notify-parent --prefill-count 3 --decode-count 1 --mixed-count 0 --base-port 4000 ' +
      '--preset stressed --knob itlPerReqMs=0.04 kvTokens=9 modelId="a" --script burst',
  )
})

test('the engines of the demo take any free ports with --base-port 0', async t => {
  assert.doesNotMatch((await demo(t, '--base-port 0')).childArguments.join(' '), /base-port/)
})

test('the demo with mixed engines alone runs the gateway in mixed mode', async t => {
  const { code, config, out, childArguments } = await demo(t, '--mixed-count 2')
  assert.equal(code, 0)
  assert.match(out, /2 mixed/)
  assert.match(childArguments.join(' '), /--prefill-count 0 --decode-count 0 --mixed-count 2/)
  assert.equal(config?.engines.mode, 'mixed')
  assert.deepEqual(config?.engines.mixed, [{ url: 'http://127.0.0.1:4' }, { url: 'http://127.0.0.1:5' }])
})

for (const [flags, flag] of [
  ['--mixed-count 2 --decode-count 1', '--mixed-count'],
  ['--mixed-count 2 --pd-disaggregation', '--pd-disaggregation'],
  ['--prefill http://a:1 8998', '--prefill'],
  ['--decode http://a:1', '--decode'],
  ['--worker-urls http://a:1', '--worker-urls'],
] as const) {
  test(`the demo refuses ${flags} and names ${flag}`, async t => {
    const { code, err, config } = await demo(t, flags)
    assert.deepEqual([code, config], [2, undefined])
    assert.ok(err.includes(`flag ${flag}: `), err)
  })
}

test('engines of the environment or a config file are not used by the demo', async t => {
  const file = join(folderOf(t), 'gateway.yaml')
  writeFileSync(file, 'engines: { mode: mixed, mixed: [{ url: http://a:1 }] }')
  const { code, config } = await demo(t, `--config ${file}`, { env: { PDGW_DECODE: 'http://b:1' } })
  assert.equal(code, 0)
  assert.deepEqual([config?.engines.mode, config?.engines.mixed], ['pd', []])
  assert.deepEqual(config?.engines.decode, [{ url: 'http://127.0.0.1:3' }])
})

test('the help of the demo has its own defaults and no flag that names engines', async t => {
  const { out } = await demo(t, '--help')
  assert.match(out, /--workers <n>/)
  assert.match(out, /--mixed-count <n>/)
  assert.match(out, /--host <address> .*\(default: 127\.0\.0\.1\)/)
  assert.match(out, /--queue-timeout-secs <seconds> .*\(default: 300\)/)
  assert.doesNotMatch(out, /--worker-urls <|--decode <|--prefill </)
})

test('the demo ends with an error when its engines do not start', async t => {
  const { code, err } = await demo(t, '', { child: 'process.exit(1)' })
  assert.equal(code, 1)
  assert.match(err, /simulated engines did not start/)
})

test('the demo names all flags whose ports are in use at once, and starts no engine', async t => {
  const { code, err, childArguments } = await demo(t, '', { busy: [31_900, 31_901, 31_905, 30_000, 29_000] })
  assert.deepEqual([code, childArguments], [1, []])
  assert.match(
    err,
    /ports in use: 31900, 31901, 31905 \(--base-port\); 30000 \(--port\); 29000 \(--prometheus-port\)\..*free ports: --base-port 0 --port 0 --prometheus-port 0$/m,
  )
})
