import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { Child, type ChildOptions } from '../../../src/process/child-process.ts'
import { until } from '../../support/until.ts'

const MODULE = join(import.meta.dirname, '../../../src/process/child-process.ts')
const SLEEP = 'setInterval(() => {}, 1000)'

function startScript(t: TestContext, script: string, options: Partial<ChildOptions> = {}): Child {
  const child = Child.start({ program: process.execPath, args: ['-e', script], ...options })
  t.after(() => child.stop())
  return child
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

suite('a child process', { concurrency: 2 }, () => {
  test('is killed and reaped by stop', async t => {
    const child = startScript(t, SLEEP)
    assert.equal(child.isRunning, true)
    await child.stop()
    assert.equal(child.isRunning, false)
    assert.equal(child.exitReason, 'SIGKILL')
    assert.equal(isAlive(child.pid), false)
  })

  test('gets SIGTERM first when it is given time to stop', async t => {
    const script = `process.on('SIGTERM', () => process.exit(7)); console.log('up'); ${SLEEP}`
    const child = startScript(t, script, { stdout: 'pipe' })
    await child.firstLine(20_000)
    await child.stop(20_000)
    assert.equal(child.exitReason, 'code 7')
  })

  test('is killed when it ignores SIGTERM', async t => {
    const script = `process.on('SIGTERM', () => {}); console.log('up'); ${SLEEP}`
    const child = startScript(t, script, { stdout: 'pipe' })
    await child.firstLine(20_000)
    await child.stop(50)
    assert.equal(child.exitReason, 'SIGKILL')
  })

  test('is killed when its parent exits', async t => {
    const script = `
      import { Child } from ${JSON.stringify(MODULE)}
      const child = Child.start({ program: process.execPath, args: ['-e', ${JSON.stringify(SLEEP)}] })
      console.log(child.pid)
      setTimeout(() => process.exit(0), 100)`
    const parent = startScript(t, script, { args: ['--input-type=module', '-e', script], stdout: 'pipe' })
    const pid = Number(await parent.firstLine(20_000))
    assert.ok(pid > 0)
    await until(() => !isAlive(pid), 'the grandchild has ended')
  })

  test('with a group of its own is killed with everything that it started', async t => {
    const script = `
      const { pid } = require('node:child_process').spawn('sleep', ['1000'])
      console.log(pid); ${SLEEP}`
    const child = startScript(t, script, { stdout: 'pipe', ownGroup: true })
    const grandchild = Number(await child.firstLine(20_000))
    assert.ok(grandchild > 0)
    child.kill('SIGKILL')
    await until(() => !isAlive(grandchild), 'the grandchild has ended')
  })

  test('with a group of its own leaves no process when it ends by itself', async t => {
    const script = `
      const { pid } = require('node:child_process').spawn('sleep', ['1000'])
      process.on('SIGTERM', () => process.exit(0)); console.log(pid); ${SLEEP}`
    const child = startScript(t, script, { stdout: 'pipe', ownGroup: true })
    const grandchild = Number(await child.firstLine(20_000))
    await child.stop(20_000)
    assert.equal(child.exitReason, 'code 0')
    await until(() => !isAlive(grandchild), 'the grandchild has ended')
  })

  test('gets the environment variables it is given in addition to ours', async t => {
    const script = 'console.log(process.env.LAB_WORD, process.env.PATH === undefined)'
    const child = startScript(t, script, { stdout: 'pipe', env: { LAB_WORD: 'yes' } })
    assert.equal(await child.untilEnd(AbortSignal.timeout(20_000)), 'yes false\n')
  })

  test('that cannot be started is not running, and says why', async () => {
    const child = Child.start({ program: '/nowhere/program', args: [], stdout: 'pipe' })
    await assert.rejects(child.untilEnd(AbortSignal.timeout(20_000)), /ENOENT/)
    assert.equal(child.isRunning, false)
    assert.match(child.exitReason, /ENOENT/)
    await child.stop()
  })

  test('returns its whole standard output when it ends', async t => {
    const child = startScript(t, "console.log('one'); console.log('two')", { stdout: 'pipe' })
    assert.equal(await child.untilEnd(AbortSignal.timeout(20_000)), 'one\ntwo\n')
  })

  test('is killed by the signal that limits it', async t => {
    const child = startScript(t, SLEEP, { stdout: 'pipe' })
    await child.untilEnd(AbortSignal.timeout(1))
    assert.equal(child.exitReason, 'SIGKILL')
  })

  test('rejects the first line when it ends without one', async t => {
    const child = startScript(t, '', { stdout: 'pipe' })
    await assert.rejects(child.firstLine(20_000), /ended before it was ready/)
  })

  test('keeps the tail of its standard error while it is held back', async t => {
    const child = startScript(t, "console.error('a reason'); process.exit(3)", { holdErrors: true })
    await assert.rejects(
      child.untilReady(() => Promise.resolve('not yet'), 20_000),
      /ended before it was ready: code 3/,
    )
    await until(() => child.outputTail() === 'a reason\n', 'standard error has been read')
  })

  test('writes both output streams to its log file, whose tail is kept', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'pd-gateway-child-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const script = "console.log('x'.repeat(20000)); console.error('the end')"
    const child = startScript(t, script, { logPath: join(folder, 'log') })
    await until(() => !child.isRunning, 'the child has ended')
    assert.equal(child.outputTail().length, 8192)
    assert.match(child.outputTail(), /xx\nthe end\n$/)
  })

  test('responds to a message over its channel', async t => {
    const script =
      "process.on('message', ({ n }) => { process.send({ skip: n }); process.send({ n: n + 1 }) })"
    const child = startScript(t, script, { channel: true })
    const sum = await child.firstMessage((message: { readonly n?: number }) => message.n, { n: 1 })
    assert.equal(sum, 2)
  })

  test('rejects a message that it ends without responding to, and every message after that', async t => {
    const child = startScript(t, "process.on('message', () => process.exit(4))", { channel: true })
    await assert.rejects(
      child.firstMessage((message: unknown) => message, { n: 1 }),
      /code 4/,
    )
    await until(() => !child.isConnected, 'the channel is closed')
    await assert.rejects(
      child.firstMessage((message: unknown) => message, { n: 1 }),
      /code 4/,
    )
  })

  test('runs on the core that it is given, under the pid of the program', async t => {
    const child = startScript(t, `console.log('started'); ${SLEEP}`, { core: 0, stdout: 'pipe' })
    // Until the program runs, the process may still be the one that sets the core.
    await child.firstLine(20_000)
    const taskset = spawn('taskset', ['-pc', String(child.pid)])
    let output = ''
    taskset.stdout.on('data', part => (output += String(part)))
    await once(taskset, 'close')
    assert.match(output, /: 0$/m)
  })
})
