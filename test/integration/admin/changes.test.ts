/** Changes that a web page or a proxy could make, on both listeners. What is refused: `change-guard.test.ts`. */
import assert from 'node:assert/strict'
import { createServer as createHttpServer, request } from 'node:http'
import { createServer } from 'node:net'
import { after, suite, test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { startGateway } from '../../../src/gateway.ts'
import { openGateway } from '../../support/gateway.ts'
import { listen } from '../../support/listen.ts'
import { at } from '../../support/sse.ts'

const KEY = 'key-of-the-test'
const READY_LIMIT_MS = 30_000
const OPEN = await openGateway({ after }, { fleet: { prefill: 1, decode: 1 } })
const KEYED = await openGateway(
  { after },
  { fleet: { prefill: 1, decode: 1 }, config: { admin: { host: '127.0.0.1', port: 0, key: KEY } } },
)

interface Answer {
  readonly status: number
  readonly code: unknown
  readonly authenticate: string | undefined
}

/** Unlike fetch, it can send any Host and Origin. */
function post(url: string, headers: Readonly<Record<string, string>>, body = '{}'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST', headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', part => (text += String(part)))
      response.on('end', () => {
        const code = at(JSON.parse(text || '{}'), 'error', 'code')
        resolve({
          status: response.statusCode ?? 0,
          code,
          authenticate: response.headers['www-authenticate'],
        })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

const ADD = JSON.stringify({ url: 'http://127.0.0.1:9', role: 'decode' })
const PAGE = { host: 'evil.example', origin: 'http://evil.example', 'content-type': 'text/plain' }

const CHANGES = [
  `${OPEN.adminOrigin}/admin/engines`,
  `${OPEN.adminOrigin}/admin/threads/0/restart`,
  `${OPEN.adminOrigin}/admin/engines/http://127.0.0.1:9/reset-breaker`,
  `${OPEN.origin}/abort_request`,
  `${OPEN.origin}/flush_cache`,
  `${OPEN.origin}/start_profile`,
  `${OPEN.origin}/stop_profile`,
]

suite('A web page or a proxy cannot', () => {
  for (const url of CHANGES) {
    test(`POST ${new URL(url).pathname}`, async () => {
      assert.equal((await post(url, PAGE, ADD)).status, 415)
      const page = await post(url, { origin: 'http://evil.example', 'content-type': 'application/json' }, ADD)
      assert.deepEqual([page.status, page.code], [403, 'forbidden'])
      const proxied = await post(
        url,
        { 'x-forwarded-for': '10.0.0.1', 'content-type': 'application/json' },
        ADD,
      )
      assert.deepEqual([proxied.status, proxied.code], [403, 'forbidden'])
    })
  }
})

test('programs on this machine make changes as before', async () => {
  assert.equal((await post(`${OPEN.origin}/flush_cache`, {})).status, 200)
  assert.equal((await post(`${OPEN.adminOrigin}/admin/threads/99/restart`, {})).code, 'invalid-request')
})

test('with a key, changes need it on both listeners, and reads do not', async () => {
  for (const url of [`${KEYED.origin}/flush_cache`, `${KEYED.adminOrigin}/admin/threads/99/restart`]) {
    assert.deepEqual(await post(url, {}), { status: 401, code: 'unauthorized', authenticate: 'Bearer' })
    const allowed = await post(url, { 'x-admin-key': KEY, 'x-forwarded-for': '10.0.0.1' })
    assert.notEqual(allowed.status, 401)
    assert.notEqual(allowed.status, 403)
  }
  assert.equal((await fetch(`${KEYED.adminOrigin}/metrics`)).status, 200)
  assert.equal((await fetch(`${KEYED.adminOrigin}/admin/engines`)).status, 200)
})

test('the key of the gateway does not reach engines, other keys do', async t => {
  const seen: (string | undefined)[] = []
  const engine = createHttpServer(({ url, headers }, response) => {
    if (url === '/flush_cache') seen.push(headers.authorization)
    response.end(JSON.stringify({ data: [{ id: 'm' }] }))
  })
  const url = `http://127.0.0.1:${await listen(engine)}`
  t.after(() => engine.closeAllConnections())
  t.after(() => engine.close())
  const gateway = await startGateway(
    configSchema.parse({
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0, key: KEY },
      engines: { mode: 'mixed', mixed: [{ url }] },
      log: { level: 'error' },
    }),
  )
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(READY_LIMIT_MS))
  const flush = `http://127.0.0.1:${gateway.port}/flush_cache`
  const engineKey = 'Bearer key-of-engines'
  for (const authorization of [`Bearer ${KEY}`, engineKey])
    assert.equal((await post(flush, { 'x-admin-key': KEY, authorization })).status, 200)
  assert.deepEqual(seen, [undefined, engineKey])
})

test('a port for health probes serves nothing else', async t => {
  const probe = createServer()
  const port = await listen(probe)
  await new Promise(resolve => probe.close(resolve))
  await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: { admin: { host: '127.0.0.1', port: 0, healthPort: port } },
  })
  const origin = `http://127.0.0.1:${port}`
  for (const path of ['/health', '/liveness', '/readiness'])
    assert.equal((await fetch(origin + path)).status, 200, path)
  for (const path of ['/metrics', '/admin/engines', '/v1/models'])
    assert.equal((await fetch(origin + path)).status, 404, path)
  assert.equal((await post(`${origin}/admin/threads/0/restart`, {})).status, 404)
})

test('the admin listener is on the address of --host unless it has its own', async t => {
  const { adminOrigin } = await openGateway(t, {
    fleet: { prefill: 1, decode: 1 },
    config: { server: { host: '127.0.0.1' }, admin: { port: 0 } },
  })
  assert.equal((await fetch(`${adminOrigin}/health`)).status, 200)
  const elsewhere = adminOrigin.replace('127.0.0.1', '127.0.0.2')
  await assert.rejects(fetch(`${elsewhere}/health`), 'nothing listens on another address')
})
