/** The metrics listener has a thread of its own, so it responds under any load of the gateway. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { openGateway } from '../support/gateway.ts'
import { until } from '../support/until.ts'

const STREAMS = 200
const SCRAPES = 20
const LIMIT_MS = 30_000

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
  // This thread runs the clients, the engines and the front end. A listener that responds while it is blocked does not
  // depend on it, and a machine that is busy with other work makes no difference.
  const counts = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const scraper = new Worker(SCRAPER, {
    eval: true,
    workerData: { counts, open, url: `${adminOrigin}/metrics` },
  })
  t.after(() => scraper.terminate())
  await once(scraper, 'online')
  assert.notEqual(
    Atomics.wait(counts, 0, 0, LIMIT_MS),
    'timed-out',
    'no response while the main thread is blocked',
  )
  assert.deepEqual([...counts], [SCRAPES, SCRAPES], 'scrapes, and those that show all streams')
})

/** Reports at the end how often it has scraped, and how many of the scrapes showed all streams. */
const SCRAPER = `
const { workerData: { counts, open, url } } = require('node:worker_threads')
const scrapeAll = async () => {
  let good = 0
  for (let count = 0; count < ${SCRAPES}; count++) if ((await (await fetch(url)).text()).includes(open)) good++
  counts[1] = good
  Atomics.store(counts, 0, ${SCRAPES})
  Atomics.notify(counts, 0)
}
void scrapeAll()
`
