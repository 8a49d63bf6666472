/** A gateway that may open few files answers more requests at once than it has sockets for. */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { openFleet } from '../../support/gateway.ts'
import { engineFlags, PROGRAM, startProgram } from '../../support/program.ts'

const LIMIT = 512
const REQUESTS = 300
const LIMITED = ['bash', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'bash', ...PROGRAM]

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
  const own = ['serve', '--workers', '1', '--log-json', '--log-level', 'info']
  const { port, lines } = await startProgram(t, LIMITED, [...own, ...engineFlags(fleet)])

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
