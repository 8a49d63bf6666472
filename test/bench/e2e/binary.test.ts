/** `pd-gateway bench` as its users start it: interrupted, without a target, with flags that cannot be. */
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
const NOBODY = 'http://127.0.0.1:9'

/** Flags that cannot be, and what is said of them. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  ['basic -r 0', /--requests.* A whole number above 0/],
  ['basic -c many', /--concurrency.* A whole number/],
  ['basic --url https://127.0.0.1:1', /--url.* http only/],
  ['basic --url here', /--url.* An address such as/],
  ['basic --nope', /unknown option '--nope'/],
  ['realistic --min-tokens 9 --max-tokens 3', /--min-tokens is more than --max-tokens/],
  ['progressive --step 0', /--step.* above 0/],
  ['progressive --start-concurrency 9 --max-concurrency 3', /--start-concurrency is more than/],
  ['sustained -d -1', /--duration.* A number of seconds/],
  ['serving --dataset-name custom', /--dataset-name custom needs --dataset-path/],
  ['serving --cancel-rate 2', /--cancel-rate.* from 0 to 1/],
  ['serving --request-rate 0', /--request-rate.* above 0/],
  ['compare --target a=http://127.0.0.1:1', /--target is needed twice/],
  ['basic --html-report .', /^bench: \. is a folder/],
  ['basic --request-log test', /^bench: test is a folder/],
  ['basic --html-report /proc/nope/x.html', /^bench: \/proc.* cannot be made: /],
  ['basic --report-dir /proc/nope/deep', /^bench: \/proc.* cannot be made: /],
  ['serving --save-result --result-dir /proc/nope', /^bench: \/proc.* cannot be made: /],
  ['serving --output-file package.json/x', /^bench: .*package\.json/],
]

interface Ran {
  readonly child: ChildProcessByStdio<null, Readable, Readable>
  /** What it has written so far. */
  readonly said: { out: string; err: string }
  readonly ended: Promise<unknown>
}

/** In a group of its own, as a terminal does it. */
function startBench(t: TestContext, args: readonly string[]): Ran {
  const child = spawn(process.execPath, ['bin/pd-gateway.js', 'bench', ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.on('data', bytes => (said.out += String(bytes)))
  child.stderr.on('data', bytes => (said.err += String(bytes)))
  return { child, said, ended: once(child, 'close') }
}

test('Ctrl-C prints and writes what there is, and ends with 130', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-bench-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const flags = `sustained -c 4 -d 600 -t 3 --url ${origin} --report-dir ${folder}`
  const { child, said, ended } = startBench(t, flags.split(' '))
  await until(() => /\d+ ended/.test(said.err), 'requests have ended')
  process.kill(-(child.pid ?? 0), 'SIGINT')
  await ended
  assert.equal(child.exitCode, 130, said.err)
  assert.match(said.out, /^sustained: .* \(interrupted\)\n {2}success +100 % /)
  assert.match(said.out, /\nInterrupted after .* All [\d,]+ requests were answered right/)
  const files = readdirSync(folder).toSorted()
  assert.deepEqual(
    files.map(file => file.split('.').at(-1)),
    ['html', 'json'],
  )
  const report = reportSchema.parse(JSON.parse(readFileSync(join(folder, files[1] ?? ''), 'utf8')))
  assert.equal(report.levels[0]?.wasInterrupted, true)
})

test('a reader that leaves, as `head` does, costs neither the run nor its report', async t => {
  const { origin } = await openGateway(t, { fleet: { prefill: 1, decode: 1 } })
  const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-bench-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const levels = '--start-concurrency 1 --max-concurrency 3 --step 1 --requests-per-level 3'
  const flags = `progressive ${levels} --url ${origin} --report-dir ${folder}`
  const { child, said, ended } = startBench(t, flags.split(' '))
  child.stdout.destroy()
  await ended
  assert.equal(child.exitCode, 0, said.err)
  assert.doesNotMatch(said.err, /EPIPE/)
  assert.equal(readdirSync(folder).length, 2)
})

suite('what cannot be run', { concurrency: 2 }, () => {
  for (const kind of ['basic', 'serving', 'compare']) {
    test(`bench ${kind} of a target that is down says so in one line, and ends with 2`, async t => {
      const targets = {
        basic: `--url ${NOBODY}`,
        serving: `--base-url ${NOBODY}`,
        compare: `--target a=${NOBODY} --target b=${NOBODY}`,
      }[kind]
      const { child, said, ended } = startBench(t, [kind, ...(targets ?? '').split(' ')])
      await ended
      assert.equal(child.exitCode, 2)
      assert.equal(said.out, '')
      assert.match(said.err, /^nobody answers at http:\/\/127\.0\.0\.1:9: [^\n]+\n$/)
    })
  }

  for (const [flags, message] of REFUSED) {
    test(`bench ${flags} is refused in one line, with 2`, async t => {
      const { child, said, ended } = startBench(t, flags.split(' '))
      await ended
      assert.equal(child.exitCode, 2)
      assert.equal(said.out, '')
      assert.match(said.err, message)
      assert.equal(said.err.trimEnd().split('\n').length, 1, said.err)
    })
  }
})
