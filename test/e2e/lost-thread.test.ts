/** A router thread dies under load: requests that have not started are served, streams end with one error. */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openFleet, openGateway, runningOn } from '../support/gateway.ts'
import { at, parseStream } from '../support/sse.ts'
import { until } from '../support/until.ts'

const OPEN = 500
const TOKENS = 8
/** Bodies of several sizes: small ones travel inside the batch, large ones in buffers of their own. */
const PADDING = ['', 'p'.repeat(2000), 'q'.repeat(40_000)]
/** Takes longer than the test. */
const ENDLESS = 100_000

test('500 open requests survive the death of their only router thread', async t => {
  const fleet = await openFleet(t, {
    prefill: 2,
    decode: 2,
    // Slow enough that no whole response is complete before the thread dies.
    knobs: { maxRunning: 1000, kvTokens: 100_000_000, itlBaseMs: 1000, jitter: 0 },
  })
  const config = configSchema.parse({
    log: { level: 'error' },
    admin: { port: 0 },
    health: { intervalSecs: 0.5 },
    engines: {
      prefill: fleet.prefill.map(({ url, bootstrapPort }) => ({ url, bootstrapPort })),
      decode: fleet.decode.map(({ url }) => ({ url })),
    },
    server: { host: '127.0.0.1', port: 0, workers: 1 },
  })
  const gateway = await startGateway(config)
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(10_000))
  const agent = new Agent({ maxSockets: OPEN })
  t.after(() => agent.destroy())
  const open = (body: object): OpenResponse => send(agent, gateway.port, body)

  const streams = Array.from({ length: OPEN / 2 }, (_, n) =>
    open({ text: `Stream ${n}`, stream: true, sampling_params: { max_new_tokens: ENDLESS } }),
  )
  await until(() => streams.every(stream => stream.text().includes('data:')))
  const whole = Array.from({ length: OPEN / 2 }, (_, n) =>
    open({
      text: `Whole ${n}`,
      sampling_params: { max_new_tokens: TOKENS },
      padding: PADDING[n % PADDING.length],
    }),
  )
  const received = (): number => fleet.decode.reduce((sum, { counters }) => sum + counters.received, 0)
  await until(() => received() >= OPEN)
  assert.equal(await gateway.restartThread(0), true)
  // From here on requests end quickly.
  for (const { knobs } of [...fleet.prefill, ...fleet.decode]) knobs.itlBaseMs = 5
  for (const [n, response] of whole.entries()) {
    const { status, text } = await response.ended
    assert.equal(status, 200, text)
    assert.equal(at(JSON.parse(text), 'text'), expectedText(`Whole ${n}`, 0, TOKENS))
  }
  for (const stream of streams) {
    const { text } = await stream.ended
    const { events, hasDone } = parseStream(text)
    const errors = events.filter(event => at(event, 'error') !== undefined)
    assert.equal(errors.length, 1)
    assert.equal(errors[0], events.at(-1))
    assert.equal(hasDone, false)
  }
  await until(() => runningOn(fleet) === 0)
})

for (const workers of [1, 2]) {
  test(`requests of a dead thread are aborted on their engines, with ${workers} threads`, async t => {
    const gateway = await openGateway(t, {
      fleet: {
        prefill: 1,
        decode: 1,
        // These engines do not notice a closed socket.
        knobs: { disconnectPollMs: 600_000, streamAbortDelayMs: 600_000 },
      },
      config: { server: { workers } },
    })
    const { port } = new URL(gateway.origin)
    const agent = new Agent()
    t.after(() => agent.destroy())
    const streams = Array.from({ length: 8 }, (_, n) =>
      send(agent, Number(port), {
        text: `Stream ${n}`,
        stream: true,
        sampling_params: { max_new_tokens: ENDLESS },
      }),
    )
    await until(() => streams.every(stream => stream.text().includes('data:')))
    for (let thread = 0; thread < workers; thread++) {
      const restarted = await fetch(`${gateway.adminOrigin}/admin/threads/${thread}/restart`, {
        method: 'POST',
      })
      assert.equal(restarted.status, 202)
    }
    await Promise.all(streams.map(stream => stream.ended))
    await until(() => runningOn(gateway.fleet) === 0)
  })
}

interface OpenResponse {
  /** The bytes received so far. */
  text(): string
  readonly ended: Promise<{ readonly status: number | undefined; readonly text: string }>
}

function send(agent: Agent, port: number, body: object): OpenResponse {
  let text = ''
  const ended = new Promise<{ readonly status: number | undefined; readonly text: string }>(
    (resolve, reject) => {
      const headers = { 'content-type': 'application/json' }
      const sent = request({ port, host: '127.0.0.1', path: '/generate', method: 'POST', agent, headers })
      sent.on('error', reject)
      sent.on('response', response => {
        response.setEncoding('utf8').on('data', piece => (text += String(piece)))
        // A stream that breaks off reports an error, and the end of its connection in any case.
        response.on('error', () => undefined)
        response.on('close', () => resolve({ status: response.statusCode, text }))
      })
      sent.end(JSON.stringify(body))
    },
  )
  return { text: () => text, ended }
}
