/** The metrics listener has a thread of its own, so it responds under any load of the gateway. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const STREAMS = 200
const SCRAPES = 20
/** A scrape may wait for a processor, but not for the requests. */
const LIMIT_MS = 1000

test(`/metrics responds while ${STREAMS} streams are open, and counts them`, async t => {
  const { origin, adminOrigin } = await openGateway(t, {
    fleet: { prefill: 2, decode: 2, knobs: { maxRunning: 1000, kvTokens: 100_000_000, itlBaseMs: 20 } },
  })
  const leaving = new AbortController()
  const body = JSON.stringify({ text: 'on', stream: true, sampling_params: { max_new_tokens: 100_000 } })
  const headers = { 'content-type': 'application/json' }
  for (let sent = 0; sent < STREAMS; sent++) {
    void fetch(`${origin}/generate`, { method: 'POST', signal: leaving.signal, headers, body })
      .then(response => response.arrayBuffer())
      .catch(() => undefined)
  }
  t.after(() => leaving.abort())
  const scrape = async (): Promise<string> => (await fetch(`${adminOrigin}/metrics`)).text()
  const open = `\npdgw_frontend_open_exchanges ${STREAMS}\n`
  await until(async () => (await scrape()).includes(open), 'all are open', 60_000)
  let longestMs = 0
  for (let count = 0; count < SCRAPES; count++) {
    const startMs = performance.now()
    assert.ok((await scrape()).includes(open))
    longestMs = Math.max(longestMs, performance.now() - startMs)
  }
  t.diagnostic(`longest of ${SCRAPES} scrapes: ${longestMs.toFixed(1)} ms`)
  assert.ok(longestMs < LIMIT_MS, `${longestMs} ms`)
})
