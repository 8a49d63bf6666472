/** vLLM as a mixed engine lacks `/generate`. Requests for it are refused or sent elsewhere, and charged to no engine. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { openFleet } from '../support/gateway.ts'
import { listen } from '../support/listen.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const MODELS = '{"object":"list","data":[{"id":"sim","object":"model","owned_by":"vllm"}]}'
const TOKEN = 'data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n'
const COMPLETION = '{"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}'

/** A stream that shows a token and never ends. */
const HANGING = 'hang'

const received: string[] = []
/** Hanging streams that their client has left. */
let left = 0
/** The data-parallel ranks that completions name. */
const ranks: unknown[] = []
const server = createServer((request, response) => {
  const { method, url, headers } = request
  if (method === 'POST') received.push(url ?? '')
  if (url === '/v1/completions') ranks.push(headers['x-data-parallel-rank'])
  const body = url === '/v1/models' ? MODELS : url === '/v1/completions' ? COMPLETION : undefined
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    if (url === '/health') response.end()
    else if (Buffer.concat(parts).includes(HANGING)) {
      response.on('close', () => left++)
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(TOKEN)
    } else if (body === undefined) response.writeHead(404, JSON_TYPE).end('{"detail":"Not Found"}')
    else response.writeHead(200, JSON_TYPE).end(body)
  })
})
after(() => server.close())
const vllm = `http://127.0.0.1:${await listen(server)}`

async function openGateway(urls: readonly string[]): Promise<{ origin: string; adminOrigin: string }> {
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: { mode: 'mixed', mixed: urls.map(url => ({ url })), vllmDataParallelSize: 2 },
      // Equal short prompts would all go to one rank.
      policy: { main: 'round_robin' },
    }),
  )
  after(() => gateway.close())
  const adminOrigin = `http://127.0.0.1:${gateway.adminPort}`
  await until(async () => {
    const engines: unknown = at(await (await fetch(`${adminOrigin}/admin/engines`)).json(), 'engines')
    return (
      Array.isArray(engines) &&
      engines.filter(engine => at(engine, 'health') === 'healthy').length === urls.length
    )
  })
  return { origin: `http://127.0.0.1:${gateway.port}`, adminOrigin }
}

const alone = await openGateway([vllm])

function generate(origin: string): Promise<Response> {
  return fetch(`${origin}/generate`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: '{"text":"a","model":"sim"}',
  })
}

test('/generate before vLLM engines gets a clear 404 at once, and other requests go on', async () => {
  const { origin, adminOrigin } = alone
  for (let index = 0; index < 20; index++) {
    const response = await generate(origin)
    assert.equal(response.status, 404)
    const body: unknown = await response.json()
    assert.equal(at(body, 'error', 'code'), 'endpoint-not-served')
    assert.match(String(at(body, 'error', 'message')), /use \/v1\/completions or \/v1\/chat\/completions/)
  }
  assert.deepEqual(received, [])
  const other = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: '{"prompt":"a"}',
  })
  assert.deepEqual([other.status, await other.text()], [200, COMPLETION])
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  assert.doesNotMatch(metrics, /^pdgw_engine_failures_total.* [1-9]/m)
  assert.doesNotMatch(metrics, /^pdgw_router_retries_total.* [1-9]/m)
})

test('the data-parallel rank of vLLM is named in a header, and one that a client pins stays', async () => {
  const { origin } = alone
  const before = ranks.length
  for (const pin of [{}, {}, { 'X-Data-Parallel-Rank': '1' }, { 'X-Data-Parallel-Rank': '7' }]) {
    const headers = { ...JSON_TYPE, ...pin }
    const response = await fetch(`${origin}/v1/completions`, {
      method: 'POST',
      headers,
      body: '{"prompt":"a"}',
    })
    await response.text()
  }
  const [first, second, ...pinned] = ranks.slice(before)
  assert.deepEqual(new Set([first, second]), new Set(['0', '1']))
  assert.deepEqual(pinned, ['1', '7'])
})

test('a request is ended by its rid and when its client leaves, without an abort that vLLM does not know', async () => {
  const { origin } = alone
  received.length = 0
  const open = async (rid: string, signal?: AbortSignal): Promise<ReadableStreamDefaultReader> => {
    const body = JSON.stringify({ prompt: HANGING, rid, stream: true })
    const init = { method: 'POST', headers: JSON_TYPE, body, ...(signal && { signal }) }
    const reader = (await fetch(`${origin}/v1/completions`, init)).body?.getReader()
    assert.ok(reader)
    assert.equal((await reader.read()).done, false)
    return reader
  }
  const before = left
  const aborted = await open('mine')
  const others = await open('of others')
  await fetch(`${origin}/abort_request`, { method: 'POST', headers: JSON_TYPE, body: '{"rid":"mine"}' })
  await until(() => left === before + 1, 'the engine has lost the client of one stream')
  // The stream breaks off with an error event, or before it.
  await aborted.read().catch(() => undefined)
  const leaving = new AbortController()
  await open('leaves', leaving.signal)
  leaving.abort()
  await until(() => left === before + 2, 'it has lost that of another')
  await others.cancel()
  await until(() => left === before + 3, 'and the last')
  assert.deepEqual(new Set(received), new Set(['/v1/completions']))
})

test('/generate before a vLLM and an SGLang engine is served by SGLang', async () => {
  const { mixed } = await openFleet({ after }, { mixed: 1 })
  const { origin } = await openGateway([vllm, mixed[0]?.url ?? ''])
  received.length = 0
  for (let index = 0; index < 10; index++) assert.equal((await generate(origin)).status, 200)
  assert.equal(received.filter(path => path === '/generate').length, 0)
})
