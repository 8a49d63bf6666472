/** Aborts and disconnected clients: when an engine notices them, and how it responds. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, inTurn, joined, only, open, post } from './support.ts'

const LONG = { text: 'Hello', sampling_params: { max_new_tokens: 100_000 } }

suite('abort_request', () => {
  test('ends a running request with 200 and the output so far', async t => {
    const engine = only((await fleetFor(t, { mixed: 1 })).mixed)
    const leg = open(engine.url, '/generate', { ...LONG, rid: 'mine' })
    await until(() => engine.counters.tokens > 3, 'tokens come')
    await post(engine.url, '/abort_request', { rid: 'mine' })
    const { status, body } = await leg.response
    const meta = at(JSON.parse(body), 'meta_info')
    assert.equal(status, 200)
    assert.deepEqual(at(meta, 'finish_reason', 'type'), 'abort')
    assert.ok(Number(at(meta, 'completion_tokens')) > 3)
    assert.equal(engine.counters.aborted, 1)
  })

  test('matches by prefix, but only if a request has exactly this rid', async t => {
    const engine = only((await fleetFor(t, { mixed: 1 })).mixed)
    const legs = ['ab', 'abc', 'b'].map(rid => open(engine.url, '/generate', { ...LONG, rid }))
    await until(() => engine.running() === 3, 'all are in')
    await post(engine.url, '/abort_request', { rid: 'a' })
    assert.equal(engine.counters.aborted, 0)
    await post(engine.url, '/abort_request', { rid: 'ab' })
    await until(() => engine.running() === 1, 'two are gone')
    await post(engine.url, '/abort_request', { abort_all: true })
    await Promise.all(legs.map(leg => leg.response))
  })

  test('rejects a rid that is in use', async t => {
    const engine = only((await fleetFor(t, { mixed: 1 })).mixed)
    const leg = open(engine.url, '/generate', { ...LONG, rid: 'twice' })
    await until(() => engine.running() === 1, 'the first is in')
    const { status, body } = await post(engine.url, '/generate', { ...LONG, rid: 'twice' })
    assert.equal(status, 400)
    assert.deepEqual(JSON.parse(body), { error: { message: 'Duplicate request ID detected: twice' } })
    await post(engine.url, '/abort_request', { rid: 'twice' })
    await leg.response
  })

  for (const [profile, left] of [
    ['sglang-2026-07', 0],
    ['sglang-2026-02', 1],
  ] as const) {
    test(`of decode before the transfer leaves ${left} with prefill in ${profile}`, async t => {
      const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { profile, transferSetupMs: 600_000 } })
      const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
      const body = { ...LONG, rid: 'one', ...joined(prefill, 5) }
      const legs = [prefill, decode].map(engine => open(engine.url, '/generate', body))
      await until(() => prefill.scheduler.load().inflightQueue === 1, 'the transfer runs')
      await post(decode.url, '/abort_request', { rid: 'one' })
      assert.equal(decode.running(), 0)
      assert.equal(prefill.running(), left)
      for (const leg of legs) leg.close()
    })
  }
})

suite('a client that disconnects', () => {
  test('is noticed 2 s after its stream has closed', async t => {
    const clock = new ManualClock()
    const knobs = { streamAbortDelayMs: 2000, disconnectPollMs: 4000 }
    const engine = only((await fleetFor(t, { mixed: 1, clock, knobs })).mixed)
    const leg = open(engine.url, '/generate', { ...LONG, stream: true })
    await leg.head
    leg.close()
    await until(() => engine.counters.disconnected === 1, 'the socket is closed')
    clock.advance(1900)
    assert.equal(engine.running(), 1)
    clock.advance(200)
    assert.equal(engine.running(), 0)
  })

  test('is noticed at the next poll if the response has not begun', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { decode: 1, prefill: 1, clock, knobs: { disconnectPollMs: 4000 } })
    const decode = only(fleet.decode)
    const leg = open(decode.url, '/generate', { ...LONG, ...joined(only(fleet.prefill), 5) })
    await until(() => decode.running() === 1, 'decode waits')
    clock.advance(1000)
    leg.close()
    await until(() => decode.counters.disconnected === 1, 'the socket is closed')
    clock.advance(2900)
    assert.equal(decode.running(), 1)
    clock.advance(200)
    assert.equal(decode.running(), 0)
  })
})

suite('while the prompt is tokenized', () => {
  const SLOW = { tokenizeMsPerKTok: 1_000_000, disconnectPollMs: 100 }
  const LASTS_MS = 10_000

  for (const role of ['prefill', 'decode'] as const) {
    test(`the disconnect of a client of ${role} is noticed`, async t => {
      const clock = new ManualClock()
      const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs: SLOW })
      const engine = only(fleet[role])
      const leg = open(engine.url, '/generate', { ...LONG, ...joined(only(fleet.prefill), 5) })
      await until(() => engine.running() === 1, 'the request is in')
      leg.close()
      await until(() => engine.counters.disconnected === 1, 'the socket is closed')
      clock.advance(LASTS_MS)
      assert.equal(engine.running(), 0)
    })

    test(`an abort on ${role} takes effect when the prompt reaches the scheduler`, async t => {
      const clock = new ManualClock()
      const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs: SLOW })
      const engine = only(fleet[role])
      const leg = open(engine.url, '/generate', { ...LONG, rid: 'early', ...joined(only(fleet.prefill), 5) })
      await until(() => engine.running() === 1, 'the request is in')
      await post(engine.url, '/abort_request', { rid: 'early' })
      assert.equal(engine.running(), 1)
      clock.advance(LASTS_MS)
      assert.equal(engine.running(), 0)
      await leg.response
    })
  }
})

suite('KV cache', () => {
  test('retracts the newest sequence when it is full, and loses no token', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { kvTokens: 120 } })).mixed)
    const body = { text: 'Hello', stream: true, sampling_params: { max_new_tokens: 60 } }
    const responses = await Promise.all([1, 2, 3].map(() => post(engine.url, '/generate', body)))
    const retractions = responses.map(({ body: stream }) => {
      const last = parseStream(stream).events.at(-1)
      assert.equal(at(last, 'output_ids', 'length'), 60)
      return Number(at(last, 'meta_info', 'num_retractions'))
    })
    assert.ok(Math.max(...retractions) > 0)
  })

  test('of decode admits prompts in order, even if a large one at the head blocks the others', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs: { kvTokens: 1200 } })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const send = (text: string, room: number) =>
      open(decode.url, '/generate', { text, rid: `r${room}`, ...joined(prefill, room) })
    const legs = [send('small', 1)]
    await until(() => decode.scheduler.load().transferQueue === 1, 'the first has its place')
    legs.push(send('x'.repeat(4000), 2))
    await until(() => decode.scheduler.load().preallocQueue === 1, 'the large one waits')
    legs.push(send('small', 3))
    await until(() => decode.scheduler.load().preallocQueue === 2, 'the small one waits behind it')
    await post(decode.url, '/abort_request', { rid: 'r2' })
    assert.equal(decode.scheduler.load().transferQueue, 2)
    await post(decode.url, '/abort_request', { abort_all: true })
    await Promise.all(legs.map(leg => leg.response))
  })
})

suite('request bodies', () => {
  test('of 64 MiB are accepted', async t => {
    const engine = only((await fleetFor(t, { mixed: 1 })).mixed)
    const image = { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(64 << 20)}` } }
    const content = [{ type: 'text', text: 'What is this?' }, image]
    const { status } = await post(engine.url, '/v1/chat/completions', {
      messages: [{ role: 'user', content }],
    })
    assert.equal(status, 200)
  })

  test('are recorded as received with recordBodies', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { recordBodies: 2 } })).mixed)
    await inTurn(['a', 'b', 'c'], text => post(engine.url, '/generate', { text, bootstrap_room: 9 }))
    assert.deepEqual(
      engine.received.map(({ body }) => body.toString()),
      ['b', 'c'].map(text => JSON.stringify({ text, bootstrap_room: 9 })),
    )
    assert.deepEqual([engine.rooms.seen, engine.rooms.duplicates], [3, 2])
  })
})
