/** Signals that operators and their tools send to a running gateway, other than those that stop it. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { openFleet } from '../support/gateway.ts'
import { engineFlags, exitOf, PROGRAM, startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

const ENDLESS = { model: 'sim', prompt: 'Once', max_tokens: 100_000, stream: true }

async function startLogging(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'pdgw-signals-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const log = join(folder, 'pd-gateway.log')
  const fleet = await openFleet(t, { prefill: 1, decode: 1 })
  const flags = [...engineFlags(fleet), '--log-dir', folder, '--shutdown-settle-secs', '0']
  const program = await startProgram(t, PROGRAM, flags, log)
  return { ...program, log, fleet }
}

async function openStream(origin: string) {
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(ENDLESS),
  })
  const reader = response.body?.getReader()
  assert.ok(reader)
  await reader.read()
  return reader
}

suite('A running gateway', { concurrency: 2 }, () => {
  test('outlives every signal that does not mean to stop it, and opens no port for a debugger', async t => {
    const { child, origin } = await startLogging(t)
    let errors = ''
    child.stderr?.on('data', part => (errors += String(part)))
    const stream = await openStream(origin)
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE', 'SIGXFSZ', 'SIGALRM'] as const) {
      child.kill(signal)
      for (let chunk = 0; chunk < 5; chunk++) assert.equal((await stream.read()).done, false, signal)
      assert.equal((await fetch(`${origin}/health`)).status, 200)
    }
    await stream.cancel()
    child.kill('SIGTERM')
    assert.deepEqual(await exitOf(child), [0, null])
    assert.doesNotMatch(errors, /debugger/i)
  })

  test('goes on in a new log file on SIGHUP after the old one was renamed, and drains on SIGQUIT', async t => {
    const { child, log, origin } = await startLogging(t)
    renameSync(log, `${log}.1`)
    child.kill('SIGHUP')
    const hasReopened = (part: string): boolean =>
      existsSync(log) && readFileSync(log, 'utf8').includes(`${part}: log file reopened`)
    await until(() => ['main', 'control', 'router-0'].every(hasReopened), 'all threads reopened the log')
    assert.equal((await fetch(`${origin}/health`)).status, 200)
    const size = readFileSync(`${log}.1`).length
    child.kill('SIGQUIT')
    assert.deepEqual(await exitOf(child), [0, null])
    assert.match(readFileSync(log, 'utf8'), /drained/)
    assert.equal(readFileSync(`${log}.1`).length, size)
  })
})
