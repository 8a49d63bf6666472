/** Whoever gives a request up, client, operator or a failing leg: no engine goes on with it. */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { chatPromptText, expectedText } from '../../bench/simulator/script.ts'
import { openGateway, runningOn } from '../support/gateway.ts'
import { until } from '../support/until.ts'

/** A pair, or one engine that does both. */
const ENGINES = { pd: { prefill: 1, decode: 1 }, regular: { unified: 1 } } as const

// Each test leaves its gateway and engines as it found them: with nothing running.
const [TWO_THREADS, pd, regular] = await Promise.all([
  openGateway({ after }, { fleet: ENGINES.pd, config: { server: { workers: 2 } } }),
  openGateway({ after }, { fleet: ENGINES.pd }),
  openGateway({ after }, { fleet: ENGINES.regular }),
])
const MODES = { pd, regular }

/** Longer than any test. */
const ENDLESS = { max_new_tokens: 100_000 }

interface OpenStream {
  /** Bytes so far. */
  text(): string
  /** Resolves with all there was. */
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
  // A client that leaves does not care for the rest.
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

/** As it stands in the last event but `[DONE]`. */
function lastEvent(stream: string): string {
  return stream.trimEnd().split('\n\n').at(-2) ?? ''
}

suite('/abort_request', () => {
  test('ends the request of that rid, on whichever router thread it is', async () => {
    const { origin, fleet } = TWO_THREADS
    const rids = ['one', 'two', 'three', 'four']
    // One at a time: each goes to the thread with the fewest open requests.
    const streams: OpenStream[] = []
    for (const rid of rids) {
      // oxlint-disable-next-line no-await-in-loop -- the threads take turns
      streams.push(await openStream(origin, { text: `Prompt ${rid}`, rid, sampling_params: ENDLESS }))
    }
    await until(() => runningOn(fleet) === rids.length)
    for (const [index, rid] of rids.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- the others must go on meanwhile
      const response = await post(origin, { rid }, undefined, '/abort_request')
      assert.equal(response.status, 200)
      // oxlint-disable-next-line no-await-in-loop -- the same
      const text = (await streams[index]?.ended) ?? ''
      assert.match(lastEvent(text), /"finish_reason":\{"type":"abort"/)
      assert.match(text, new RegExp(`"id":"${rid}"`))
      // oxlint-disable-next-line no-await-in-loop -- the same
      await until(() => runningOn(fleet) === rids.length - index - 1)
    }
  })

  for (const [path, prompt] of [
    ['/generate', { text: 'cut', sampling_params: ENDLESS }],
    ['/v1/completions', { model: 'sim', prompt: 'cut', max_tokens: 100_000 }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'cut' }], max_tokens: 100_000 }],
  ] as const) {
    test(`leaves what was made until then to a client that does not stream: ${path}`, async () => {
      const { origin, fleet } = TWO_THREADS
      const answer = post(origin, { ...prompt, rid: 'whole' }, undefined, path)
      const made = (): number => fleet.decode[0]?.counters.tokens ?? 0
      const before = made()
      await until(() => made() > before + 2)
      await post(origin, { rid: 'whole' }, undefined, '/abort_request')
      const response = await answer
      const text = await response.text()
      assert.equal(response.status, 200, text)
      assert.match(text, /"finish_reason":(?:"abort"|\{"type":"abort")/)
      assert.match(text, /"completion_tokens":[1-9]/)
      await until(() => runningOn(fleet) === 0)
    })
  }

  test('ends all requests when it says so', async () => {
    const { origin, fleet } = TWO_THREADS
    const streams = await Promise.all(
      ['a', 'b', 'c', 'd'].map(text => openStream(origin, { text, sampling_params: ENDLESS })),
    )
    await post(origin, { abort_all: true }, undefined, '/abort_request')
    await Promise.all(streams.map(stream => stream.ended))
    await until(() => runningOn(fleet) === 0)
  })

  test('ends the wait of a request for its next attempt', async t => {
    const { origin, fleet } = await openGateway(t, {
      fleet: { prefill: 1, decode: 1, knobsFor: role => (role === 'decode' ? { errorStatusProb: 1 } : {}) },
      // Longer than any test.
      config: { retry: { initialBackoffMs: 600_000, maxBackoffMs: 600_000, jitterFactor: 0 } },
    })
    const answer = post(origin, { text: 'again', rid: 'patient' })
    await until(() => fleet.decode[0]?.counters.failed === 1)
    // The failure may still be on its way to the gateway: then what it waits for is not yet the next attempt.
    let isAnswered = false
    void answer.then(() => (isAnswered = true))
    await until(async () => {
      await post(origin, { rid: 'patient' }, undefined, '/abort_request')
      return isAnswered
    })
    const { status } = await answer
    assert.equal(status, 500)
    assert.equal(fleet.decode[0]?.counters.received, 1)
  })

  test('answers 200 for a rid that nobody has, and ends nothing', async () => {
    const { origin, fleet } = TWO_THREADS
    const stream = await openStream(origin, { text: 'stays', rid: 'mine', sampling_params: ENDLESS })
    const answers = await Promise.all(
      [{ rid: 'yours' }, { rid: '' }, {}].map(body => post(origin, body, undefined, '/abort_request')),
    )
    for (const answer of answers) assert.equal(answer.status, 200)
    const before = stream.text().length
    await until(() => stream.text().length > before)
    assert.equal(fleet.decode[0]?.running(), 1)
    stream.leave()
    await until(() => runningOn(fleet) === 0)
  })
})

for (const mode of ['pd', 'regular'] as const) {
  suite(`a client that leaves, ${mode} mode`, () => {
    test('leaves nothing running, in the middle of a stream', async () => {
      const { origin, fleet } = MODES[mode]
      const stream = await openStream(origin, { text: 'stream', sampling_params: ENDLESS })
      const before = stream.text().length
      await until(() => stream.text().length > before)
      stream.leave()
      await until(() => runningOn(fleet) === 0)
    })

    test('leaves nothing running, with a whole answer on its way', async () => {
      const { origin, fleet } = MODES[mode]
      const controller = new AbortController()
      const answer = post(origin, { text: 'whole', sampling_params: ENDLESS }, controller.signal)
      await until(() => runningOn(fleet) > 0)
      controller.abort()
      await assert.rejects(answer)
      await until(() => runningOn(fleet) === 0)
    })

    test('leaves nothing of a request that waits for an engine that is full', async t => {
      const { origin, fleet } = await openGateway(t, {
        fleet: { ...ENGINES[mode], knobs: { maxRunning: 1 } },
      })
      const [engine] = mode === 'pd' ? fleet.decode : fleet.unified
      const first = await openStream(origin, { text: 'first', sampling_params: ENDLESS })
      const controller = new AbortController()
      const body = { text: 'second', sampling_params: ENDLESS, stream: true }
      const waiting = post(origin, body, controller.signal)
      // What comes after it on the same way has been answered: it waits by now.
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

    test('leaves nothing of several samples', async () => {
      const { origin, fleet } = MODES[mode]
      const body = { text: 'samples', sampling_params: { ...ENDLESS, n: 4 } }
      const stream = await openStream(origin, body)
      await until(() => runningOn(fleet) >= 4)
      stream.leave()
      await until(() => runningOn(fleet) === 0)
    })
  })
}

suite('a batch', () => {
  const BATCH = { text: ['a', 'b', 'c', 'd'], sampling_params: { max_new_tokens: 4 } }
  /** One prompt after the other, and slowly: the first is through while the last ones wait. */
  const ONE_BY_ONE = { prefillChunk: 1, prefillOverheadMs: 100 }

  // Told of one prompt, an engine fails the batch and knows the others by no rid from then on: they would stay.
  test('is given up as a whole when its client leaves: engines are told of the first rid first', async t => {
    // Engines that do not notice a closed socket themselves.
    const deaf = { disconnectPollMs: 600_000, streamAbortDelayMs: 600_000 }
    const { origin, fleet } = await openGateway(t, {
      fleet: { ...ENGINES.pd, knobs: { ...ONE_BY_ONE, ...deaf } },
    })
    const [decode] = fleet.decode
    assert.ok(decode)
    const controller = new AbortController()
    const answer = post(origin, { ...BATCH, sampling_params: ENDLESS }, controller.signal)
    await until(() => decode.running() === 4)
    controller.abort()
    await assert.rejects(answer)
    await until(() => runningOn(fleet) === 0)
    assert.ok(decode.counters.aborted >= 4)
  })

  test('leaves no prompt waiting for its KV cache when the first one fails', async t => {
    const { origin, fleet } = await openGateway(t, {
      // The others still wait when the client has its answer, however late it comes.
      fleet: { ...ENGINES.pd, knobs: { ...ONE_BY_ONE, prefillOverheadMs: 1000, errorAfterKvProb: 1 } },
      config: { retry: { maxRetries: 0 } },
    })
    assert.equal((await post(origin, BATCH)).status, 500)
    assert.ok(runningOn(fleet) > 0)
    for (const { knobs } of fleet.prefill) knobs.prefillOverheadMs = 1
    await until(() => runningOn(fleet) === 0)
  })
})

test('a prefill engine that answers 500 has its decode leg aborted at once, and another pair answers', async t => {
  const { origin, adminOrigin, fleet } = await openGateway(t, { fleet: { prefill: 2, decode: 1 } })
  const [broken, sound] = fleet.prefill
  const [decode] = fleet.decode
  assert.ok(broken && sound && decode)
  broken.knobs.errorStatusProb = 1
  const messages = [{ role: 'user', content: 'Try again' }]
  const text = expectedText(chatPromptText(messages), 0, 10)
  const startMs = performance.now()
  for (let request = 0; request < 4; request++) {
    // oxlint-disable-next-line no-await-in-loop -- one at a time: both prefill engines get their turn
    assert.equal(await chat(origin, { model: 'sim', messages, max_tokens: 10 }), text)
  }
  const failures = broken.counters.failed
  assert.ok(failures > 0, 'the broken engine was never asked')
  // A decode leg that is left alone waits for 300 s.
  assert.ok(performance.now() - startMs < 60_000)
  const metrics = await (await fetch(`${adminOrigin}/metrics`)).text()
  const unsent = Number(
    metrics.split(`\npdgw_engine_unsent_legs_total{engine="${decode.url}"`)[1]?.match(/ (\d+)\n/)?.[1],
  )
  const { counters } = decode
  await until(() => counters.received >= 4 + failures - unsent, 'decode has read what was sent to it')
  assert.equal(counters.received, 4 + failures - unsent)
  await until(() => runningOn(fleet) === 0)
  // By the gateway's order or by the closed socket; both count when they come before the sequence has ended.
  assert.ok(counters.aborted + counters.abortedByDisconnect >= failures - unsent)
})

async function chat(origin: string, body: object): Promise<unknown> {
  const response = await post(origin, body, undefined, '/v1/chat/completions')
  const answer: unknown = await response.json()
  assert.equal(response.status, 200, JSON.stringify(answer))
  return ['choices', 0, 'message', 'content'].reduce<unknown>(
    (inner, key) => (inner instanceof Object ? Reflect.get(inner, key) : undefined),
    answer,
  )
}
