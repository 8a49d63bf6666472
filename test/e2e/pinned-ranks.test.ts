/** A client that pins a data-parallel rank has its choice kept or refused with an error; it is never dropped. */
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { after, suite, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { openGateway } from '../support/gateway.ts'
import { listen } from '../support/listen.ts'
import { until } from '../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const ENDPOINTS = [
  ['/generate', { text: 'x' }],
  ['/v1/completions', { model: 'sim', prompt: 'x' }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }],
] as const
const FIELDS = ['routed_dp_rank', 'disagg_prefill_dp_rank', 'data_parallel_rank'] as const

function post(url: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) })
}

suite('with separate prefill and decode engines', async () => {
  const { origin, fleet } = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
  for (const [path, body] of ENDPOINTS)
    test(`a pinned rank is refused by ${path}`, async () => {
      const received = fleet.decode[0]?.counters.received
      for (const field of FIELDS) {
        const response = await post(`${origin}${path}`, { ...body, [field]: 0 })
        assert.equal(response.status, 400)
        assert.match(await response.text(), new RegExp(`The field ${field} cannot be honored`))
      }
      const response = await post(`${origin}${path}`, body, { 'X-Data-Parallel-Rank': '0' })
      assert.equal(response.status, 400)
      assert.match(await response.text(), /The header x-data-parallel-rank cannot be honored/)
      assert.equal(fleet.decode[0]?.counters.received, received)
    })
})

suite('with a mixed engine', async () => {
  const seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end('{}')
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push({ headers: request.headers, body })
      response.writeHead(200, JSON_TYPE).end('{"text":"a","choices":[{"text":"a","finish_reason":"stop"}]}')
    })
  })
  after(() => server.close())
  const engine = `http://127.0.0.1:${await listen(server)}`
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { port: 0 },
      engines: { mode: 'mixed', mixed: [{ url: engine }] },
    }),
  )
  after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  await until(async () => (await fetch(`${origin}/readiness`)).status === 200)

  test('a pinned rank reaches the engine', async () => {
    for (const field of FIELDS) {
      await (await post(`${origin}/v1/completions`, { prompt: 'x', [field]: 1 })).text()
      assert.match(seen.at(-1)?.body ?? '', new RegExp(`"${field}":1`))
    }
    await (await post(`${origin}/v1/completions`, { prompt: 'x' }, { 'x-data-parallel-rank': '1' })).text()
    assert.equal(seen.at(-1)?.headers['x-data-parallel-rank'], '1')
  })
})

test('a pinned rank that no engine has is refused at once, and charged to no engine', async () => {
  const { origin, adminOrigin, fleet } = await openGateway(
    { after },
    { fleet: { mixed: 2, knobs: { dpSize: 2 } } },
  )
  for (const [path, body] of ENDPOINTS) {
    const response = await post(`${origin}${path}`, { ...body, routed_dp_rank: 2 })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /routed_dp_rank=2 out of range \[0, 2\)/)
    assert.equal((await post(`${origin}${path}`, { ...body, routed_dp_rank: 1 })).status, 200)
  }
  const received = fleet.mixed.reduce((sum, { counters }) => sum + counters.received, 0)
  assert.equal(received, 2 * ENDPOINTS.length, 'each is sent once')
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  assert.doesNotMatch(metrics, /^pdgw_engine_failures_total.* [1-9]/m)
})
