/** Requests with many prompts or samples do not hold up those with one, and get their turn all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openGateway, runningOn, type TestGateway } from '../../support/gateway.ts'
import { until } from '../../support/until.ts'

const WINDOW = 4
const JSON_TYPE = { 'content-type': 'application/json' }

/** Sends a request and resolves with its status; `end` ends it before. */
function ask(origin: string, body: object): { readonly status: Promise<number>; readonly end: () => void } {
  const leaving = new AbortController()
  const { signal } = leaving
  const status = fetch(`${origin}/generate`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify(body),
    signal,
  }).then(async response => {
    await response.arrayBuffer()
    return response.status
  })
  // A test that ends the request does not wait for it; the others await the promise itself.
  status.catch(() => undefined)
  return { status, end: () => leaving.abort() }
}

const short = { text: 'short', sampling_params: { max_new_tokens: 2 } }
const endless = { text: 'endless', stream: true, sampling_params: { max_new_tokens: 100_000 } }

function batchOf(prompts: number): object {
  return { ...short, text: Array.from({ length: prompts }, (_, index) => `prompt ${index}`) }
}

/** A gateway in front of a pair that runs four requests, one of which streams until the test ends it. */
async function openBusy(t: Parameters<typeof openGateway>[0], workers: number) {
  const gateway = await openGateway(t, {
    fleet: { prefill: 1, decode: 1, knobs: { maxRunning: WINDOW } },
    config: { server: { workers } },
  })
  const stream = ask(gateway.origin, endless)
  t.after(() => stream.end())
  await until(() => runningOn(gateway.fleet) > 0)
  return { ...gateway, stream }
}

/** The number of requests that wait in front of the router threads. */
async function queued({ adminOrigin }: Pick<TestGateway, 'adminOrigin'>): Promise<number> {
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  return Number(/^pdgw_frontend_queue_length (\d+)$/m.exec(metrics)?.[1])
}

for (const workers of [1, 2])
  test(`a batch larger than the engines holds up nobody and is served while a stream runs, with ${workers} threads`, async t => {
    const { origin, fleet } = await openBusy(t, workers)
    const batch = ask(origin, batchOf(4 * WINDOW + 1)).status
    for (let request = 0; request < 4; request++) assert.equal(await ask(origin, short).status, 200)
    assert.equal(await batch, 200)
    // The stream still runs: prompts of the batch went one by one into the room that it left.
    assert.ok(runningOn(fleet) > 0)
  })

test('a flood of batches that do not fit holds up nobody', async t => {
  const gateway = await openBusy(t, 1)
  const batches = Array.from({ length: 40 }, () => ask(gateway.origin, batchOf(WINDOW)))
  for (let request = 0; request < 4; request++) assert.equal(await ask(gateway.origin, short).status, 200)
  gateway.stream.end()
  assert.deepEqual(new Set(await Promise.all(batches.map(({ status }) => status))), new Set([200]))
  assert.equal(await queued(gateway), 0)
})

test('many samples of one request take turns with other requests', async t => {
  const { origin, stream } = await openBusy(t, 1)
  let hasEnded = false
  const samples = ask(origin, { text: 'many', sampling_params: { n: 100, max_new_tokens: 60 } })
  const ended = samples.status.finally(() => {
    hasEnded = true
  })
  await Promise.all(Array.from({ length: 6 }, async () => assert.equal(await ask(origin, short).status, 200)))
  assert.ok(!hasEnded)
  stream.end()
  assert.equal(await ended, 200)
})
