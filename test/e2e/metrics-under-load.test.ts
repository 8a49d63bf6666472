/** The listener for metrics has a thread of its own: it answers however much the gateway has at work. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const STREAMS = 200
const LOOKS = 20
const LIMIT_MS = 30_000

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
  // This thread has clients, engines and front end. Who answers while it stands still does not wait for it, nor do
  // processors that are wanted elsewhere make a difference.
  const counts = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const looker = new Worker(LOOKER, {
    eval: true,
    workerData: { counts, open, url: `${adminOrigin}/metrics` },
  })
  t.after(() => looker.terminate())
  await once(looker, 'online')
  assert.notEqual(
    Atomics.wait(counts, 0, 0, LIMIT_MS),
    'timed-out',
    'no answer while the main thread stands still',
  )
  assert.deepEqual([...counts], [LOOKS, LOOKS], 'looks made, and of these with all streams')
})

/** Looks, and says at the end how often it has, and how often it saw all streams. */
const LOOKER = `
const { workerData: { counts, open, url } } = require('node:worker_threads')
const lookAll = async () => {
  let good = 0
  for (let each = 0; each < ${LOOKS}; each++) if ((await (await fetch(url)).text()).includes(open)) good++
  counts[1] = good
  Atomics.store(counts, 0, ${LOOKS})
  Atomics.notify(counts, 0)
}
void lookAll()
`
