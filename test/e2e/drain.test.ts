/** Shutdown of the program: open requests finish, new ones are not lost, and the process always ends. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Agent, type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import type { SimulatedFleet } from '../../src/simulator/fleet.ts'
import { expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openFleet, runningOn } from '../support/gateway.ts'
import { listen } from '../support/listen.ts'
import { engineFlags, exitOf, PROGRAM, type Program, startProgram } from '../support/program.ts'
import { readBody } from '../support/read-body.ts'
import { at, parseStream } from '../support/sse.ts'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS = 50

// These tests mostly wait for the program, so several run at once.
suite('Shutdown', { concurrency: 3 }, () => {
  test('on SIGTERM completes an open stream, and the program exits with 0', async t => {
    const { child, port } = await start(t, ['--shutdown-settle-secs', '0'])
    const response = await post(port, { text: 'To the end', stream: true, ...tokens(20) })
    child.kill('SIGTERM')
    await until(() => isRefused(port))
    const { events, hasDone } = parseStream(await textOf(response))
    assert.ok(hasDone)
    assert.equal(at(events.at(-1), 'text'), expectedText('To the end', 0, 20))
    assert.deepEqual(await exitOf(child), [0, null])
  })

  test('while settling serves everything, and only readiness fails, on both listeners', async t => {
    const { child, port, adminPort } = await start(t, ['--shutdown-settle-secs', '4'])
    assert.equal((await get(adminPort, '/readiness')).statusCode, 200)
    child.kill('SIGTERM')
    await until(async () => (await get(port, '/readiness')).statusCode === 503)
    const readiness = await textOf(await get(port, '/readiness'))
    assert.match(readiness, /"reason":"shutting-down"/)
    await until(async () => (await get(adminPort, '/readiness')).statusCode === 503)
    assert.equal(await textOf(await get(adminPort, '/readiness')), readiness)
    assert.equal((await get(port, '/health')).statusCode, 200)
    const response = await post(port, { text: 'Late', ...tokens(3) })
    assert.equal(response.statusCode, 200)
    assert.equal(at(JSON.parse(await textOf(response)), 'text'), expectedText('Late', 0, 3))
    assert.deepEqual(await exitOf(child), [0, null])
  })

  test('serves one more request on an open connection, and closes it', async t => {
    const { child, port } = await start(t, ['--shutdown-settle-secs', '0'])
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    assert.equal((await textOf(await post(port, { text: 'a', ...tokens(2) }, agent))).length > 0, true)
    // Keeps the program from exiting until its client leaves.
    const open = await post(port, { text: 'open', stream: true, ...tokens(100_000) })
    open.on('error', () => {})
    child.kill('SIGTERM')
    await until(() => isRefused(port))
    const last = await post(port, { text: 'b', ...tokens(2) }, agent)
    assert.equal(last.statusCode, 200)
    assert.equal(last.headers.connection, 'close')
    await textOf(last)
    open.destroy()
    assert.deepEqual(await exitOf(child), [0, null])
  })

  test('ends requests with an error after the grace period, and the engines are free', async t => {
    const { child, port, fleet } = await start(t, ['--shutdown-grace-period-secs', '1'])
    const body = readBody(await post(port, { text: 'Endless', stream: true, ...tokens(100_000) }))
    child.kill('SIGTERM')
    const { text, isComplete } = await body
    const { events, hasDone } = parseStream(text)
    assert.deepEqual([hasDone, isComplete], [false, false])
    const error = at(events.at(-1), 'error')
    assert.deepEqual([at(error, 'code'), at(error, 'reason')], [503, 'shutting-down'])
    assert.deepEqual(await exitOf(child), [0, null])
    await until(() => runningOn(fleet) === 0)
  })

  test('happens at once with one line of output when the admin port is taken', async t => {
    const server = createServer()
    t.after(() => server.close())
    const taken = String(await listen(server))
    const engines = ['--prefill', 'http://127.0.0.1:1', '--decode', 'http://127.0.0.1:2']
    const listeners = ['--host', '127.0.0.1', '--port', '0', '--prometheus-host', '127.0.0.1']
    const args = ['src/main.ts', ...engines, ...listeners, '--prometheus-port', taken]
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
    t.after(() => child.kill('SIGKILL'))
    const stderr = await child.stderr.setEncoding('utf8').toArray()
    const lines = stderr.join('').trimEnd().split('\n')
    assert.equal(lines.length, 1, lines.join('\n'))
    assert.match(lines[0] ?? '', new RegExp(`--prometheus-port.*EADDRINUSE.*:${taken}`))
    assert.deepEqual(await exitOf(child), [1, null])
  })

  test('is immediate after a second signal', async t => {
    const { child, port } = await start(t, [])
    const response = await post(port, { text: 'Endless', stream: true, ...tokens(100_000) })
    response.on('error', () => {})
    child.kill('SIGINT')
    await until(() => isRefused(port))
    // Signals within half a second count as one.
    const again = setInterval(() => child.kill('SIGINT'), 200)
    t.after(() => clearInterval(again))
    assert.deepEqual(await exitOf(child), [130, null])
  })
})

interface Started extends Program {
  readonly fleet: SimulatedFleet
}

async function start(t: TestContext, flags: readonly string[]): Promise<Started> {
  const fleet = await openFleet(t, { prefill: 1, decode: 1, knobs: { itlBaseMs: STEP_MS } })
  const program = await startProgram(t, PROGRAM, [...engineFlags(fleet), ...flags])
  return { ...program, fleet }
}

function tokens(count: number): object {
  return { sampling_params: { max_new_tokens: count } }
}

function post(port: number, body: object, agent = new Agent()): Promise<IncomingMessage> {
  return ask(port, '/generate', { method: 'POST', agent, body: JSON.stringify(body) })
}

async function get(port: number, path: string): Promise<IncomingMessage> {
  const response = await ask(port, path, { method: 'GET', agent: new Agent() })
  if (response.statusCode === 200) response.resume()
  return response
}

interface Ask {
  readonly method: string
  readonly agent: Agent
  readonly body?: string
}

function ask(port: number, path: string, { method, agent, body }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, path, method, agent, headers })
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.end(body)
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces = await response.setEncoding('utf8').toArray()
  return pieces.join('')
}

async function isRefused(port: number): Promise<boolean> {
  return get(port, '/health').then(
    () => false,
    () => true,
  )
}
