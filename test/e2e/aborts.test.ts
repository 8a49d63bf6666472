/** A request that is given up, by its client, an operator or a failing leg, is aborted on its engines. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { chatPromptText, expectedText } from '../../src/simulator/sequence/output-script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { openLog } from '../support/log-file.ts'
import { until } from '../support/until.ts'

/** A pair, or one mixed engine. */
const ENGINES = { pd: { prefill: 1, decode: 1 }, mixed: { mixed: 1 } } as const

// Each test leaves nothing running on the shared gateways and engines.
const [TWO_THREADS, pd, mixed] = await Promise.all([
  openGateway({ after }, { fleet: ENGINES.pd, config: { server: { workers: 2 } } }),
  openGateway({ after }, { fleet: ENGINES.pd }),
  openGateway({ after }, { fleet: ENGINES.mixed }),
])
const MODES = { pd, mixed }

/** Takes longer than any test. */
const ENDLESS = { max_new_tokens: 100_000 }

interface OpenStream {
  /** The bytes received so far. */
  text(): string
  /** Resolves with the whole response. */
  readonly ended: Promise<string>
  leave(): void
}

async function openStream(origin: string, body: object): Promise<OpenStream> {
  const controller = new AbortController()
  const response = await post(origin, { ...body, stream: true }, controller.signal)
  assert.equal(response.status, 200)
  let text = ''
  const read = async (): Promise<string> => {
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true })
    return text
  }
  const ended = read()
  // A client that leaves ignores the error that its own abort causes.
  ended.catch(() => undefined)
  return { text: () => text, ended, leave: () => controller.abort() }
}

function post(origin: string, body: object, signal?: AbortSignal, path = '/generate'): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${origin}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    ...(signal && { signal }),
  })
}

/** The last event before `[DONE]`. */
function lastEvent(stream: string): string {
  return stream.trimEnd().split('\n\n').at(-2) ?? ''
}

suite('/abort_request', () => {
  test('ends the request with that rid on any router thread', async () => {
    const { origin, fleet } = TWO_THREADS
    const rids = ['one', 'two', 'three', 'four']
    // One at a time, so that each goes to the thread with the fewest open requests.
    const streams: OpenStream[] = []
    for (const rid of rids) {
      streams.push(await openStream(origin, { text: `Prompt ${rid}`, rid, sampling_params: ENDLESS }))
    }
    await until(() => runningOn(fleet) === rids.length)
    for (const [index, rid] of rids.entries()) {
      // The other streams must continue meanwhile.
      const response = await post(origin, { rid }, undefined, '/abort_request')
      assert.equal(response.status, 200)
      const text = (await streams[index]?.ended) ?? ''
      assert.match(lastEvent(text), /"finish_reason":\{"type":"abort"/)
      assert.match(text, new RegExp(`"id":"${rid}"`))
      await until(() => runningOn(fleet) === rids.length - index - 1)
    }
  })

  for (const [path, prompt] of [
    ['/generate', { text: 'cut', sampling_params: ENDLESS }],
    ['/v1/completions', { model: 'sim', prompt: 'cut', max_tokens: 100_000 }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'cut' }], max_tokens: 100_000 }],
  ] as const) {
    test(`returns the tokens generated so far to a client that does not stream: ${path}`, async () => {
      const { origin, fleet } = TWO_THREADS
      const pending = post(origin, { ...prompt, rid: 'whole' }, undefined, path)
      const made = (): number => fleet.decode[0]?.counters.tokens ?? 0
      const before = made()
      await until(() => made() > before + 2)
      await post(origin, { rid: 'whole' }, undefined, '/abort_request')
      const response = await pending
      const text = await response.text()
      assert.equal(response.status, 200, text)
      assert.match(text, /"finish_reason":(?:"abort"|\{"type":"abort")/)
      assert.match(text, /"completion_tokens":[1-9]/)
      await until(() => runningOn(fleet) === 0)
    })
  }

  test('ends all requests with abort_all', async () => {
    const { origin, fleet } = TWO_THREADS
    const streams = await Promise.all(
      ['a', 'b', 'c', 'd'].map(text => openStream(origin, { text, sampling_params: ENDLESS })),
    )
    await post(origin, { abort_all: true }, undefined, '/abort_request')
    await Promise.all(streams.map(stream => stream.ended))
    await until(() => runningOn(fleet) === 0)
  })

  test('ends a request that waits for its next attempt', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobsFor: role => (role === 'decode' ? { errorStatusProb: 1 } : {}) },
      // Takes longer than any test.
      config: { retry: { initialBackoffMs: 600_000, maxBackoffMs: 600_000, jitterFactor: 0 } },
    })
    const response = post(origin, { text: 'again', rid: 'patient' })
    await until(() => fleet.decode[0]?.counters.failed === 1)
    // The failure may still be on its way to the gateway, and the request not waiting for its next attempt yet.
    let isSettled = false
    void response.then(() => (isSettled = true))
    await until(async () => {
      await post(origin, { rid: 'patient' }, undefined, '/abort_request')
      return isSettled
    })
    const { status, text } = await response.then(async answer => ({
      status: answer.status,
      text: await answer.text(),
    }))
    assert.equal(status, 200)
    assert.match(text, /"id":"patient","finish_reason":\{"type":"abort"/)
    assert.equal(fleet.decode[0]?.counters.received, 1)
  })

  test('gets 200 for an unknown rid, and ends nothing', async () => {
    const { origin, fleet } = TWO_THREADS
    const stream = await openStream(origin, { text: 'stays', rid: 'mine', sampling_params: ENDLESS })
    const responses = await Promise.all(
      [{ rid: 'yours' }, { rid: '' }, {}].map(body => post(origin, body, undefined, '/abort_request')),
    )
    for (const response of responses) assert.equal(response.status, 200)
    const before = stream.text().length
    await until(() => stream.text().length > before)
    assert.equal(fleet.decode[0]?.running(), 1)
    stream.leave()
    await until(() => runningOn(fleet) === 0)
  })
})

suite('Engines with an admin key', () => {
  const fleet = { ...ENGINES.pd, knobs: { adminApiKey: 'admin' } }

  test('take aborts and flushes from a gateway that has the key, whatever that of the client', async t => {
    const { origin, fleet: engines } = await openGateway(t, { fleet, engines: { adminApiKey: 'admin' } })
    const stream = await openStream(origin, { text: 'keyed', rid: 'keyed', sampling_params: ENDLESS })
    await post(origin, { rid: 'keyed' }, undefined, '/abort_request')
    assert.match(lastEvent(await stream.ended), /"finish_reason":\{"type":"abort"/)
    await until(() => runningOn(engines) === 0)
    const headers = { authorization: 'Bearer of the client' }
    for (const path of ['/flush_cache', '/start_profile', '/stop_profile'])
      assert.equal((await fetch(`${origin}${path}`, { method: 'POST', headers })).status, 200, path)
  })

  test('end a request with its connection where the key is missing, and the log says what to do', async t => {
    const log = openLog(t)
    const { origin, fleet: engines } = await openGateway(t, { fleet, config: { log: log.config } })
    const stream = await openStream(origin, { text: 'locked', rid: 'locked', sampling_params: ENDLESS })
    await post(origin, { rid: 'locked' }, undefined, '/abort_request')
    await Promise.allSettled([stream.ended])
    await until(() => runningOn(engines) === 0)
    for (const { url } of [...engines.prefill, ...engines.decode])
      await until(() => log.lines(url).some(line => line.includes('engines.adminApiKey')))
    assert.equal((await fetch(`${origin}/flush_cache`, { method: 'POST' })).status, 502)
    const headers = { authorization: 'Bearer admin' }
    assert.equal((await fetch(`${origin}/flush_cache`, { method: 'POST', headers })).status, 200)
  })

  test('take changes with the key for probes where they have no other', async t => {
    const { origin, fleet: engines } = await openGateway(t, {
      fleet: { ...ENGINES.pd, knobs: { apiKey: 'own' } },
      engines: { apiKey: 'own' },
    })
    assert.equal((await fetch(`${origin}/flush_cache`, { method: 'POST' })).status, 200)
    assert.equal(
      (await fetch(`${origin}/v1/models`)).status,
      401,
      'what changes nothing needs the key of the client',
    )
    assert.equal(runningOn(engines), 0)
  })
})

for (const mode of ['pd', 'mixed'] as const) {
  suite(`A client that leaves in ${mode} mode`, () => {
    test('leaves nothing running in the middle of a stream', async () => {
      const { origin, fleet } = MODES[mode]
      const stream = await openStream(origin, { text: 'stream', sampling_params: ENDLESS })
      const before = stream.text().length
      await until(() => stream.text().length > before)
      stream.leave()
      await until(() => runningOn(fleet) === 0)
    })

    test('leaves nothing running while it waits for a whole response', async () => {
      const { origin, fleet } = MODES[mode]
      const controller = new AbortController()
      const response = post(origin, { text: 'whole', sampling_params: ENDLESS }, controller.signal)
      await until(() => runningOn(fleet) > 0)
      controller.abort()
      await assert.rejects(response)
      await until(() => runningOn(fleet) === 0)
    })

    test('leaves nothing of a request that waits for a full engine', async t => {
      const { origin, fleet } = await openGateway(t, {
        fleet: { ...ENGINES[mode], knobs: { maxRunning: 1 } },
      })
      const [engine] = mode === 'pd' ? fleet.decode : fleet.mixed
      const first = await openStream(origin, { text: 'first', sampling_params: ENDLESS })
      const controller = new AbortController()
      const body = { text: 'second', sampling_params: ENDLESS, stream: true }
      const waiting = post(origin, body, controller.signal)
      // A request sent after it on the same route has its response, so this one is waiting by now.
      await (await fetch(`${origin}/v1/models`)).arrayBuffer()
      controller.abort()
      await assert.rejects(waiting)
      assert.equal(engine?.running(), 1)
      first.leave()
      await until(() => runningOn(fleet) === 0)
      const last = await post(origin, { text: 'third', sampling_params: { max_new_tokens: 2 } })
      assert.equal(last.status, 200)
      await last.arrayBuffer()
      assert.equal(engine.counters.received, 2, 'the one that left was never sent')
    })

    test('leaves nothing running of several samples', async () => {
      const { origin, fleet } = MODES[mode]
      const body = { text: 'samples', sampling_params: { ...ENDLESS, n: 4 } }
      const stream = await openStream(origin, body)
      await until(() => runningOn(fleet) >= 4)
      stream.leave()
      await until(() => runningOn(fleet) === 0)
    })
  })
}

suite('A batch', () => {
  const BATCH = { text: ['a', 'b', 'c', 'd'], sampling_params: { max_new_tokens: 4 } }
  /** Prefills one prompt after the other, slowly, so that the first is done while the last ones wait. */
  const ONE_BY_ONE = { prefillChunk: 1, prefillOverheadMs: 100 }

  for (const profile of ['sglang-2026-10', 'sglang-2026-10-rust'] as const)
    test(`is aborted as a whole when its client leaves, on engines of ${profile}`, async t => {
      // Engines that do not notice a closed socket themselves.
      const deaf = { disconnectPollMs: 600_000, streamAbortDelayMs: 600_000 }
      const { origin, fleet } = await openGateway(t, {
        fleet: { ...ENGINES.pd, knobs: { ...ONE_BY_ONE, ...deaf, profile } },
      })
      const [decode] = fleet.decode
      assert.ok(decode)
      const controller = new AbortController()
      const response = post(origin, { ...BATCH, sampling_params: ENDLESS }, controller.signal)
      await until(() => decode.running() === 4)
      controller.abort()
      await assert.rejects(response)
      await until(() => runningOn(fleet) === 0)
      assert.ok(decode.counters.aborted >= 4)
    })

  test('leaves no prompt waiting for its KV cache when the first prompt fails', async t => {
    const { origin, fleet } = await openGateway(t, {
      // The others still wait when the client has its response, however late it arrives.
      fleet: { ...ENGINES.pd, knobs: { ...ONE_BY_ONE, prefillOverheadMs: 1000, errorAfterKvProb: 1 } },
      config: { retry: { maxRetries: 0 } },
    })
    assert.equal((await post(origin, BATCH)).status, 500)
    assert.ok(runningOn(fleet) > 0)
    for (const { knobs } of fleet.prefill) knobs.prefillOverheadMs = 1
    await until(() => runningOn(fleet) === 0)
  })
})

test('when a prefill engine responds with 500, the decode leg is aborted at once and another pair serves the request', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, {
    fleet: { prefill: 2, decode: 1 },
    config: { policy: { main: 'round_robin' } },
  })
  const [broken, sound] = fleet.prefill
  const [decode] = fleet.decode
  assert.ok(broken && sound && decode)
  broken.knobs.errorStatusProb = 1
  const messages = [{ role: 'user', content: 'Try again' }]
  const text = expectedText(chatPromptText(messages), 0, 10)
  const startMs = performance.now()
  for (let request = 0; request < 4; request++) {
    // In sequence, so that each prefill engine has its turn.
    assert.equal(await chat(origin, { model: 'sim', messages, max_tokens: 10 }), text)
  }
  const failures = broken.counters.failed
  assert.ok(failures > 0, 'the broken engine was never asked')
  // A decode leg that is not aborted waits for 300 s.
  assert.ok(performance.now() - startMs < 60_000)
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  const unsent = Number(
    metrics.split(`\npdgw_engine_unsent_legs_total{engine="${decode.url}"`)[1]?.match(/ (\d+)\n/)?.[1],
  )
  const { counters } = decode
  await until(() => counters.received >= 4 + failures - unsent, 'decode has received all legs that were sent')
  assert.equal(counters.received, 4 + failures - unsent)
  await until(() => runningOn(fleet) === 0)
  // By the gateway's abort or by the closed socket. Both are counted if they arrive before the sequence has ended.
  assert.ok(counters.aborted + counters.abortedByDisconnect >= failures - unsent)
})

async function chat(origin: string, body: object): Promise<unknown> {
  const response = await post(origin, body, undefined, '/v1/chat/completions')
  const completion: unknown = await response.json()
  assert.equal(response.status, 200, JSON.stringify(completion))
  return ['choices', 0, 'message', 'content'].reduce<unknown>(
    (inner, key) => (inner instanceof Object ? Reflect.get(inner, key) : undefined),
    completion,
  )
}
