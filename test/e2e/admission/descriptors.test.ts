/** A gateway with few file descriptors serves more requests at once than it has sockets for; with too few it does not start. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFleet } from '../../support/gateway.ts'
import { engineFlags, exitOf, PROGRAM, startProgram } from '../../support/program.ts'
import { until } from '../../support/until.ts'

const ROOT = join(import.meta.dirname, '../../..')
const LIMIT = 512
const REQUESTS = 300
/** Minimum with one router thread. */
const MIN_LIMIT = 64

function limited(limit: number): string[] {
  return ['bash', '-c', `ulimit -n ${limit}; exec "$@"`, 'bash', ...PROGRAM]
}

function generate(port: number, agent: Agent, text: string): Promise<{ status: number; body: string }> {
  const body = JSON.stringify({ text, sampling_params: { max_new_tokens: 4 } })
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: '/generate', method: 'POST', agent }
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const upload = request({ ...options, headers }, response => {
      response
        .setEncoding('utf8')
        .toArray()
        .then(parts => resolve({ status: response.statusCode ?? 0, body: parts.join('') }), reject)
    })
    upload.on('error', reject)
    upload.end(body)
  })
}

test(`${REQUESTS} requests at once are all served with ${LIMIT} descriptors, and no engine counts a failure`, async t => {
  const fleet = await openFleet(t, { prefill: 2, decode: 2, knobs: { itlBaseMs: 40 } })
  const own = ['serve', '--workers', '1', '--log-json', '--log-level', 'info']
  const { port, lines } = await startProgram(t, limited(LIMIT), [...own, ...engineFlags(fleet)])

  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const responses = await Promise.all(
    Array.from({ length: REQUESTS }, (_, index) => generate(port, agent, `p ${index}`)),
  )
  const wrong = responses.filter(({ status, body }) => status !== 200 || !body.includes('"meta_info"'))
  assert.deepEqual(wrong.slice(0, 3), [])
  await until(
    () =>
      lines.some(line => line.includes('the file descriptors suffice') && line.includes(`"limit":${LIMIT}`)),
    'it warns of the limit',
  )
  assert.deepEqual(lines.filter(line => line.includes('"retry"')).slice(0, 3), [])
  for (const engine of [...fleet.prefill, ...fleet.decode]) assert.equal(engine.counters.failed, 0)
})

test(`${MIN_LIMIT} descriptors are enough to serve`, async t => {
  const fleet = await openFleet(t, { prefill: 1, decode: 1 })
  const { port } = await startProgram(t, limited(MIN_LIMIT), ['--workers', '1', ...engineFlags(fleet)])
  const { status, body } = await generate(port, new Agent(), 'p')
  assert.equal(status, 200, body)
})

for (const limit of [32, MIN_LIMIT - 1])
  test(`${limit} descriptors are rejected at the start in one line`, async t => {
    const [file = '', ...before] = limited(limit)
    const engines = ['--prefill', 'http://127.0.0.1:1', '--decode', 'http://127.0.0.1:2']
    const listeners = ['--workers', '1', '--host', '127.0.0.1', '--port', '0', '--prometheus-port', '0']
    const child = spawn(file, [...before, ...listeners, ...engines], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    t.after(() => child.kill('SIGKILL'))
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map(stream => stream.setEncoding('utf8').toArray()),
    )
    const why = `The limit of open files is ${limit}, but --workers 1 needs at least ${MIN_LIMIT}`
    assert.deepEqual(
      [stdout?.join(''), stderr?.join('')],
      ['', `pd-gateway: ${why}: raise it (ulimit -n, LimitNOFILE)\n`],
    )
    assert.deepEqual(await exitOf(child), [1, null])
  })
