/** A gateway that may open few files answers more requests at once than it has sockets for. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openFleet } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const BINARY = fileURLToPath(new URL('../../../bin/pd-gateway.js', import.meta.url))
const LIMIT = 512
const REQUESTS = 300

interface Running {
  readonly port: number
  readonly lines: readonly string[]
}

async function startLimited(t: TestContext, args: readonly string[]): Promise<Running> {
  const command = `ulimit -n ${LIMIT}; exec "$@"`
  const child = spawn('bash', ['-c', command, 'bash', process.execPath, BINARY, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const lines: string[] = []
  createInterface(child.stdout).on('line', line => lines.push(line))
  const portIn = (): number =>
    Number(/"port":(\d+)/.exec(lines.find(line => line.includes('listening')) ?? '')?.[1])
  await until(() => portIn() > 0)
  return { port: portIn(), lines }
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

test(`${REQUESTS} requests at once are all answered with ${LIMIT} descriptors, and no engine is blamed`, async t => {
  const fleet = await openFleet(t, { prefill: 2, decode: 2, knobs: { itlBaseMs: 40 } })
  const engines = [
    ...fleet.prefill.flatMap(({ url, bootstrapPort }) => ['--prefill', url, String(bootstrapPort)]),
    ...fleet.decode.flatMap(({ url }) => ['--decode', url]),
  ]
  const own = [
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--prometheus-port',
    '0',
    '--workers',
    '1',
    '--log-json',
    '--log-level',
    'info',
  ]
  const { port, lines } = await startLimited(t, ['serve', ...own, ...engines])
  await until(async () => (await fetch(`http://127.0.0.1:${port}/readiness`)).ok)

  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, (_, at) => generate(port, agent, `p ${at}`)),
  )
  const wrong = answers.filter(({ status, body }) => status !== 200 || !body.includes('"meta_info"'))
  assert.deepEqual(wrong.slice(0, 3), [])
  assert.ok(lines.some(line => line.includes('few file descriptors') && line.includes(`"limit":${LIMIT}`)))
  assert.deepEqual(lines.filter(line => line.includes('"retry"')).slice(0, 3), [])
  for (const engine of [...fleet.prefill, ...fleet.decode]) assert.equal(engine.counters.failed, 0)
})
