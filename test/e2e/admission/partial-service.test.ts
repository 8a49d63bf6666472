/** Requests that only some of the engines serve wait for those alone, and hold up none that the others serve. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema } from '../../../src/config/config.ts'
import { startGateway } from '../../../src/gateway.ts'
import { openFleet, runningOn } from '../../support/gateway.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'

const CHAT = { model: 'sim', messages: [{ role: 'user', content: 'a' }], max_tokens: 2 }
const RESPONSE = { model: 'sim', input: 'a', max_output_tokens: 2, store: false }

function ask(url: string, body: object, signal?: AbortSignal): Promise<number> {
  const request: RequestInit = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
  if (signal !== undefined) request.signal = signal
  return fetch(url, request).then(async response => {
    await response.arrayBuffer()
    return response.status
  })
}

test('a response that waits for the only engine with its API holds up no chat', async t => {
  const python = await openFleet(t, { mixed: 1, knobs: { maxRunning: 1 } })
  const rust = await openFleet(t, { mixed: 1, knobs: { profile: 'sglang-2026-10-rust' } })
  const gateway = await startGateway(
    configSchema.parse({
      log: { level: 'error' },
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: { mode: 'mixed', mixed: [...python.mixed, ...rust.mixed].map(({ url }) => ({ url })) },
    }),
  )
  t.after(() => gateway.close())
  const origin = `http://127.0.0.1:${gateway.port}`
  await until(async () => at(await (await fetch(`${origin}/readiness`)).json(), 'healthy_workers') === 2)

  const leaving = new AbortController()
  const endless = { ...RESPONSE, stream: true, max_output_tokens: 100_000 }
  const stream = ask(`${origin}/v1/responses`, endless, leaving.signal).catch(() => 'left')
  t.after(() => leaving.abort())
  await until(() => runningOn(python) === 1)
  let hasEnded = false
  const waiting = ask(`${origin}/v1/responses`, RESPONSE).finally(() => {
    hasEnded = true
  })
  for (let request = 0; request < 4; request++)
    assert.equal(await ask(`${origin}/v1/chat/completions`, CHAT), 200)
  assert.equal(hasEnded, false)
  leaving.abort()
  assert.equal(await stream, 'left')
  assert.equal(await waiting, 200)
})
