/** Whole comparisons: a gateway with itself, an unreachable target, a slower engine, an interruption. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type CompareRun, runCompare } from '../../../bench/command/run-compare.ts'
import { type CompareReport, compareReportSchema } from '../../../bench/report/compare-schema.ts'
import { openFleet, openGateway } from '../../support/gateway.ts'

const DATASET = { kind: 'random', inputTokens: 8, outputTokens: 4 } as const
const LOAD = { requests: 20, endpoint: 'generate', isStream: true, dataset: DATASET } as const

const { origin: url } = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly report: CompareReport | undefined
}

async function compared(
  t: TestContext,
  change: Pick<CompareRun, 'targets'> & Partial<CompareRun>,
): Promise<Ran> {
  const reportDir = mkdtempSync(join(tmpdir(), 'pd-gateway-compare-'))
  t.after(() => rmSync(reportDir, { recursive: true }))
  let out = ''
  let err = ''
  const code = await runCompare({
    load: LOAD,
    concurrency: 4,
    blocks: 3,
    reportDir,
    out: text => void (out += text),
    err: text => void (err += text),
    terminal: undefined,
    signal: new AbortController().signal,
    ...change,
  })
  const file = readdirSync(reportDir).find(name => name.endsWith('.json'))
  const text = file === undefined ? undefined : readFileSync(join(reportDir, file), 'utf8')
  const report = text === undefined ? undefined : compareReportSchema.parse(JSON.parse(text))
  return { code, out, err, report }
}

test('a comparison of a gateway with itself alternates the targets, checks every token and compares every metric', async t => {
  const pid = process.pid
  const { code, out, report } = await compared(t, {
    targets: [
      { name: 'a', url, pid },
      { name: 'b', url, pid },
    ],
  })
  assert.equal(code, 0, out)
  assert.equal(report?.rounds.map(({ target }) => target).join(''), 'abbabaababba')
  assert.deepEqual(
    report?.rounds.map(({ seed }) => seed),
    Array.from({ length: 12 }, (_, index) => index + 1),
  )
  assert.equal(report?.load.areTokensChecked, true)
  assert.equal(report?.differences.length, 8)
  assert.ok(
    report?.rounds.every(({ successPercent, rssBytes = 0 }) => successPercent === 100 && rssBytes > 0),
  )
  assert.match(out, /correct responses, % +100\.0 +100\.0 .* no difference shown/)
})

test('a slower engine is reported as different', async t => {
  const fast = await openFleet(t, { mixed: 1 })
  const slow = await openFleet(t, { mixed: 1, knobs: { prefillOverheadMs: 60 } })
  const { code, report } = await compared(t, {
    targets: [
      { name: 'fast', url: fast.mixed[0]?.url ?? '' },
      { name: 'slow', url: slow.mixed[0]?.url ?? '' },
    ],
    // Two requests per client, each with the 60 ms of the engine.
    load: { ...LOAD, requests: 8 },
    blocks: 6,
  })
  assert.equal(code, 0)
  const ttft = report?.differences.find(({ metric }) => metric === 'ttftP50Ms')
  assert.equal(ttft?.holdsZero, false)
  assert.ok((ttft?.absolute.low ?? 0) > 20, JSON.stringify(ttft))
})

test('a target that is down causes one line and exit code 2', async t => {
  const { code, out, err } = await compared(t, {
    targets: [
      { name: 'up', url },
      { name: 'down', url: 'http://127.0.0.1:1' },
    ],
  })
  assert.deepEqual([code, out], [2, ''])
  assert.match(err, /^Target http:\/\/127\.0\.0\.1:1 is unreachable: [^\n]*\n$/)
})

test('a process that does not exist causes one line and exit code 2', async t => {
  const nobody = 'http://127.0.0.1:1'
  const { code, err } = await compared(t, {
    targets: [
      { name: 'a', url: nobody, pid: 2 ** 30 },
      { name: 'b', url: nobody },
    ],
  })
  assert.equal(code, 2)
  assert.match(err, /^Process 1073741824 does not exist \(--pid a=1073741824\)\n$/)
})

test('a process that ends during the comparison ends it, and the rounds so far are kept', async t => {
  const child = spawn('sleep', ['60'])
  t.after(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const said: string[] = []
  const { code, report, out } = await compared(t, {
    targets: [
      { name: 'a', url, pid: child.pid ?? 0 },
      { name: 'b', url },
    ],
    load: { ...LOAD, requests: 4 },
    err: text => {
      said.push(text)
      child.kill('SIGKILL')
    },
  })
  await ended
  assert.equal(code, 2)
  assert.match(said.at(-1) ?? '', /^bench: Process \d+ does not exist \(--pid a=\d+\)\n$/)
  assert.equal(report?.wasInterrupted, true)
  assert.equal(report?.rounds.length, said.length - 1)
  assert.match(out, /\(interrupted\)/)
})

test('an interruption keeps the completed rounds', async t => {
  const interrupt = new AbortController()
  let rounds = 0
  const { code, report, out } = await compared(t, {
    targets: [
      { name: 'a', url },
      { name: 'b', url },
    ],
    signal: interrupt.signal,
    err: () => {
      rounds++
      if (rounds === 9) interrupt.abort()
    },
  })
  assert.equal(code, 130)
  assert.equal(report?.wasInterrupted, true)
  assert.equal(report?.rounds.length, 9)
  assert.deepEqual([...new Set(report?.differences.map(({ pairs }) => pairs))], [2])
  assert.match(out, /\(interrupted\)/)
})
