/** The listener for metrics has a thread of its own: it answers however much the gateway has at work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const STREAMS = 200
const LOOKS = 20
/** A look may wait for a processor, not for the requests. */
const LIMIT_MS = 1000

test(`/metrics answers while ${STREAMS} streams are open, and counts them`, async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 2, decode: 2, knobs: { maxRunning: 1000, kvTokens: 100_000_000, itlBaseMs: 20 } },
  })
  const leaving = new AbortController()
  const body = JSON.stringify({ text: 'on', stream: true, sampling_params: { max_new_tokens: 100_000 } })
  const headers = { 'content-type': 'application/json' }
  for (let each = 0; each < STREAMS; each++) {
    void fetch(`${origin}/generate`, { method: 'POST', signal: leaving.signal, headers, body })
      .then(response => response.arrayBuffer())
      .catch(() => undefined)
  }
  t.after(() => leaving.abort())
  const look = async (): Promise<string> => (await fetch(`${adminOrigin}/metrics`)).text()
  const open = `\npdgw_frontend_open_exchanges ${STREAMS}\n`
  await until(async () => (await look()).includes(open), 'all are open', 60_000)
  let longestMs = 0
  for (let each = 0; each < LOOKS; each++) {
    const startMs = performance.now()
    assert.ok((await look()).includes(open))
    longestMs = Math.max(longestMs, performance.now() - startMs)
  }
  t.diagnostic(`longest of ${LOOKS} looks: ${longestMs.toFixed(1)} ms`)
  assert.ok(longestMs < LIMIT_MS, `${longestMs} ms`)
})
