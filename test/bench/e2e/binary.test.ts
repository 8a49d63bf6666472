/** `pd-gateway bench` as a program: interruption, unreachable targets and invalid flags. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { suite, type TestContext, test } from 'node:test'
import { reportSchema } from '../../../bench/report/schema.ts'
import { openGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const ROOT = join(import.meta.dirname, '../../..')
const UNREACHABLE = 'http://127.0.0.1:9'

/** Invalid command lines, and the messages that they cause. */
const INVALID: readonly (readonly [string, RegExp])[] = [
  ['basic -r 0', /--requests.* Expected a whole number above 0/],
  ['basic -c many', /--concurrency.* Expected a whole number/],
  ['basic --url https://127.0.0.1:1', /--url.* Only http/],
  ['basic --url here', /--url.* Expected a URL such as/],
  ['basic --nope', /unknown option '--nope'/],
  ['realistic --min-tokens 9 --max-tokens 3', /--min-tokens must not exceed --max-tokens/],
  ['progressive --step 0', /--step.* above 0/],
  ['progressive --start-concurrency 9 --max-concurrency 3', /--start-concurrency must not exceed/],
  ['sustained -d -1', /--duration.* Expected a number of seconds/],
  ['serving --dataset-name custom', /--dataset-name custom requires --dataset-path/],
  ['serving --cancel-rate 2', /--cancel-rate.* from 0 to 1/],
  ['serving --request-rate 0', /--request-rate.* above 0/],
  ['compare --target a=http://127.0.0.1:1', /two --target NAME=URL are required/],
  ['basic --html-report .', /^bench: Cannot write \.: it is a folder; name a file/],
  ['basic --request-log test', /^bench: Cannot write test: it is a folder; name a file/],
  ['basic --html-report /proc/nope/x.html', /^bench: Cannot create \/proc.*: /],
  ['basic --report-dir /proc/nope/deep', /^bench: Cannot create \/proc.*: /],
  ['serving --save-result --result-dir /proc/nope', /^bench: Cannot create \/proc.*: /],
  [
    'serving --output-file package.json/x',
    /^bench: Cannot create files below package\.json: it is not a folder/,
  ],
  ['nosuch', /unknown command 'nosuch'/],
  ['soak --requests 0', /--requests.* Expected a whole number above 0/],
  ['overload-3x --requests 5', /^bench: --requests: an overload scenario is limited by time/],
  ['routers --only nosuch', /--only.* Unknown name "nosuch"; known names: small, /],
  ['speed --only streams', /--only.* Unknown name "streams"; known names: small, /],
]

/** Whether a process of the group is left. */
function hasProcesses(group: number): boolean {
  try {
    return process.kill(-group, 0)
  } catch {
    return false
  }
}

interface Ran {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** Output so far. */
  readonly output: { out: string; err: string }
  readonly ended: Promise<unknown>
}

/** In its own process group, as a terminal starts it. */
function startBench(t: TestContext, args: readonly string[]): Ran {
  const child = spawn(process.execPath, ['bin/pd-gateway.js', 'bench', ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const output = { out: '', err: '' }
  child.stdout.on('data', bytes => (output.out += String(bytes)))
  child.stderr.on('data', bytes => (output.err += String(bytes)))
  return { child, output, ended: once(child, 'close') }
}

test('Ctrl-C prints and writes the results so far and exits with 130', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-bench-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const flags = `sustained -c 4 -d 600 -t 3 --url ${origin} --report-dir ${folder}`
  const { child, output, ended } = startBench(t, flags.split(' '))
  await until(() => /[1-9][\d,]* ended/.test(output.err), 'requests have ended')
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await ended
  assert.equal(child.exitCode, 130, output.err)
  assert.match(output.out, /^sustained: .* \(interrupted\)\n {2}success +100% /)
  assert.match(output.out, /\nInterrupted after .* All [\d,]+ requests were answered correctly/)
  const files = readdirSync(folder).toSorted()
  assert.deepEqual(
    files.map(file => file.split('.').at(-1)),
    ['html', 'json'],
  )
  const report = reportSchema.parse(JSON.parse(readFileSync(join(folder, files[1] ?? ''), 'utf8')))
  assert.equal(report.levels[0]?.wasInterrupted, true)
})

test('SIGTERM ends a scenario with 130 and leaves none of its processes behind', async t => {
  const { child, output, ended } = startBench(t, ['conn-per-request'])
  await until(() => /in flight/.test(output.err), 'the load runs')
  child.kill('SIGTERM')
  await ended
  assert.equal(child.exitCode, 130, output.err)
  assert.match(output.out, /^conn-per-request: A new connection .*\n[^]*\nInterrupted: /)
  await until(() => !hasProcesses(child.pid ?? 0), 'the process group is empty')
})

test('a reader that closes the pipe, as `head` does, affects neither the run nor its report', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-bench-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const levels = '--start-concurrency 1 --max-concurrency 3 --step 1 --requests-per-level 3'
  const flags = `progressive ${levels} --url ${origin} --report-dir ${folder}`
  const { child, output, ended } = startBench(t, flags.split(' '))
  child.stdout.destroy()
  await ended
  assert.equal(child.exitCode, 0, output.err)
  assert.doesNotMatch(output.err, /EPIPE/)
  assert.equal(readdirSync(folder).length, 2)
})

suite('a run that cannot start', { concurrency: 2 }, () => {
  for (const kind of ['basic', 'serving', 'compare']) {
    test(`bench ${kind} prints one line and exits with 2 when the target is down`, async t => {
      const targets = {
        basic: `--url ${UNREACHABLE}`,
        serving: `--base-url ${UNREACHABLE}`,
        compare: `--target a=${UNREACHABLE} --target b=${UNREACHABLE}`,
      }[kind]
      const { child, output, ended } = startBench(t, [kind, ...(targets ?? '').split(' ')])
      await ended
      assert.equal(child.exitCode, 2)
      assert.equal(output.out, '')
      assert.match(output.err, /^Target http:\/\/127\.0\.0\.1:9 is unreachable: [^\n]+\n$/)
    })
  }

  for (const [flags, message] of INVALID) {
    test(`bench ${flags} prints one line and exits with 2`, async t => {
      const { child, output, ended } = startBench(t, flags.split(' '))
      await ended
      assert.equal(child.exitCode, 2)
      assert.equal(output.out, '')
      assert.match(output.err, message)
      assert.equal(output.err.trimEnd().split('\n').length, 1, output.err)
    })
  }
})
