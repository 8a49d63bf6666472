/** Comments that keep the connection of a waiting stream alive, where the operator wants them. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { postTo } from '../support/read-body.ts'

const COMMENT = ': waiting for the first token\n\n'
const { origin, fleet } = await openGateway(
  { after },
  {
    fleet: { prefill: 1, decode: 1 },
    config: { timeouts: { heartbeatMs: 50 }, retry: { maxRetries: 0 } },
  },
)

function delayEngines(slowFirstByteMs: number): void {
  for (const engine of [...fleet.prefill, ...fleet.decode]) Object.assign(engine.knobs, { slowFirstByteMs })
}

function ask(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4, ...body }),
  })
}

test('a stream that waits gets comments until its first token, then its events as ever', async () => {
  delayEngines(400)
  const response = await ask({ stream: true })
  const text = await response.text()
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  assert.ok(text.startsWith(COMMENT + COMMENT), text)
  const events = text.slice(text.lastIndexOf(COMMENT) + COMMENT.length)
  assert.match(events, /^data: \{/)
  assert.match(events, /data: \[DONE\]\n\n$/)
})

test('a failure after a comment is reported in the stream', async () => {
  delayEngines(60_000)
  const headers = { 'content-type': 'application/json', 'x-first-token-timeout-ms': '300' }
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true })
  const response = await postTo(`${origin}/v1/chat/completions`, headers, body)
  assert.equal(response.status, 200)
  const { text, isComplete } = await response.body
  assert.match(text, /^: waiting for the first token\n\n[^]*data: \{"error":\{[^]*engine-stalled/)
  assert.ok(!isComplete && !text.includes('[DONE]'))
})

test('a request that is not a stream, and one that is refused before it waits, get their status', async () => {
  delayEngines(60_000)
  const whole = await ask({}, { 'x-first-token-timeout-ms': '300' })
  assert.equal(whole.status, 504)
  assert.match(await whole.text(), /^\{"error"/)
  assert.equal((await ask({ stream: true, n: 1000 })).status, 400)
})
