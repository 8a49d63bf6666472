/** Engines behind TLS with a self-signed certificate. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import type { SimulatedFleet } from '../../src/simulator/fleet.ts'
import { openFleet, runningOn } from '../support/gateway.ts'
import { parseStream } from '../support/sse.ts'
import { CERTIFICATE_FILE, openTlsFront, type TlsFront } from '../support/tls-front.ts'
import { until } from '../support/until.ts'

interface Scene {
  readonly gateway: Gateway
  readonly origin: string
  readonly fleet: SimulatedFleet
  readonly prefill: TlsFront
  readonly decode: TlsFront
}

async function openScene(t: TestContext, caFiles: readonly string[]): Promise<Scene> {
  const fleet = await openFleet(t, { prefill: 1, decode: 1 })
  const [p] = fleet.prefill
  const [d] = fleet.decode
  assert.ok(p && d)
  const prefill = await openTlsFront(t, p.url)
  const decode = await openTlsFront(t, d.url)
  const config = configSchema.parse({
    log: { level: 'error' },
    admin: { host: '127.0.0.1', port: 0 },
    server: { host: '127.0.0.1', port: 0, workers: 1 },
    health: { intervalSecs: 0.5 },
    upstream: { caFiles: [...caFiles], keepAliveMs: 60_000 },
    engines: {
      startupCheckIntervalSecs: 0.1,
      prefill: [{ url: prefill.url, bootstrapPort: p.bootstrapPort }],
      decode: [{ url: decode.url }],
    },
  })
  const gateway = await startGateway(config)
  t.after(() => gateway.close())
  return { gateway, origin: `http://127.0.0.1:${gateway.port}`, fleet, prefill, decode }
}

function post(origin: string, body: object, signal?: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify(body) }
  return fetch(`${origin}/generate`, signal === undefined ? request : { ...request, signal })
}

const LARGE = { text: 'word '.repeat(20_000), sampling_params: { max_new_tokens: 5 } }

test('serves from https engines with a configured certificate authority, on kept-alive connections', async t => {
  const { gateway, origin, fleet, prefill, decode } = await openScene(t, [CERTIFICATE_FILE])
  assert.ok(await gateway.whenReady(20_000))
  for (const stream of [true, false, true, false]) {
    // In sequence, so that one connection is enough.
    const response = await post(origin, { ...LARGE, stream })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    if (stream) assert.ok(parseStream(text).hasDone)
  }
  await until(() => runningOn(fleet) === 0)
  assert.equal(decode.tokenSocketCount, 1)
  // Each of the two streams may end before prefill has responded; the connection to prefill is then closed.
  assert.ok(prefill.tokenSocketCount <= 3, `${prefill.tokenSocketCount} connections to prefill`)
})

test('aborts on both https engines when the client leaves', async t => {
  const { gateway, origin, fleet } = await openScene(t, [CERTIFICATE_FILE])
  assert.ok(await gateway.whenReady(20_000))
  const client = new AbortController()
  const body = { text: 'a', stream: true, sampling_params: { max_new_tokens: 100_000, ignore_eos: true } }
  const response = await post(origin, body, client.signal)
  const reader = response.body?.getReader()
  await reader?.read()
  assert.ok(runningOn(fleet) > 0)
  client.abort()
  await assert.rejects(async () => reader?.read())
  await until(() => runningOn(fleet) === 0)
})

test('does not use an engine with an unknown certificate authority', async t => {
  const { gateway, origin, decode } = await openScene(t, [])
  assert.equal(await gateway.whenReady(1000), false)
  assert.equal(decode.socketCount, 0)
  assert.equal((await fetch(`${origin}/readiness`)).status, 503)
})

for (const [name, content, why] of [
  ['that does not exist', undefined, /ENOENT.*missing\.pem/],
  ['without a certificate', 'nothing', /missing\.pem contains no PEM certificate/],
] as const) {
  test(`does not start with a file of certificate authorities ${name}`, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'https-engines-test-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'missing.pem')
    if (content !== undefined) writeFileSync(file, content)
    await assert.rejects(openScene(t, [file]), why)
  })
}
