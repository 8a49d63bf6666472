/** Each fault knob has the described effect, from the next request on. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import type { SimEngine } from '../../../src/simulator/engine.ts'
import type { SimulatedFleet } from '../../../src/simulator/fleet.ts'
import { presetKnobs } from '../../../src/simulator/presets.ts'
import { expectedText } from '../../../src/simulator/sequence/output-script.ts'
import type { Knobs } from '../../../src/simulator/settings/knobs.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, get, inTurn, joined, type OpenRequest, only, open, post } from './support.ts'

const GENERATE = { text: 'Hello', sampling_params: { max_new_tokens: 40 } }
const CHAT = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 40 }

async function engineWith(t: TestContext, knobs: Partial<Knobs>): Promise<SimEngine> {
  return only((await fleetFor(t, { mixed: 1, knobs })).mixed)
}

suite('faults of the connection', () => {
  test('resetBeforeHeadProb resets the connection before the response', async t => {
    const engine = await engineWith(t, { resetBeforeHeadProb: 1 })
    await assert.rejects(post(engine.url, '/generate', GENERATE), { code: 'ECONNRESET' })
    engine.knobs.resetBeforeHeadProb = 0
    assert.equal((await post(engine.url, '/generate', GENERATE)).status, 200)
  })

  test('resetMidStreamProb resets the connection in the middle of a stream', async t => {
    const engine = await engineWith(t, { resetMidStreamProb: 1 })
    const response = await post(engine.url, '/v1/chat/completions', { ...CHAT, stream: true })
    assert.equal(response.status, 200)
    assert.ok(response.isCut)
    await until(() => engine.running() === 0, 'the sequence is given up')
  })

  test('truncateStreamProb ends a stream with a clean close, without [DONE]', async t => {
    const engine = await engineWith(t, { truncateStreamProb: 1 })
    const response = await post(engine.url, '/generate', { ...GENERATE, stream: true })
    assert.equal(response.isCut, false)
    assert.equal(parseStream(response.body).hasDone, false)
    await until(() => engine.running() === 0, 'the sequence is given up')
  })

  for (const knobs of [{ splitChunks: true }, { mergeChunks: 7 }, { splitChunks: true, mergeChunks: 3 }]) {
    test(`${Object.keys(knobs).join(' and ')} changes the chunk boundaries but no byte`, async t => {
      const engine = await engineWith(t, knobs)
      const { body } = await post(engine.url, '/generate', { ...GENERATE, stream: true })
      const { events, hasDone } = parseStream(body)
      assert.ok(hasDone)
      assert.equal(at(events.at(-1), 'text'), expectedText('Hello', 0, 40))
    })
  }

  test('blackhole accepts connections and sends nothing', async t => {
    const engine = await engineWith(t, {})
    await engine.setHealth('blackhole')
    const leg = open(engine.url, '/generate', GENERATE)
    const socket = connect(engine.port, '127.0.0.1')
    await once(socket, 'connect')
    assert.equal(engine.counters.received, 0)
    socket.destroy()
    leg.close()
  })

  test('slowFirstByteMs and stallMs delay a response and lose nothing', async t => {
    const engine = await engineWith(t, { slowFirstByteMs: 30, stallProb: 1, stallMs: 30 })
    const begun = performance.now()
    const { body } = await post(engine.url, '/generate', { ...GENERATE, stream: true })
    assert.ok(performance.now() - begun >= 55)
    assert.equal(at(parseStream(body).events.at(-1), 'text'), expectedText('Hello', 0, 40))
  })
})

suite('faults of the response', () => {
  test('errorStatusProb responds with the status and Retry-After', async t => {
    const engine = await engineWith(t, { errorStatusProb: 1, errorStatus: 429, errorRetryAfterSeconds: 2 })
    const response = await post(engine.url, '/generate', GENERATE)
    assert.equal(response.status, 429)
    assert.equal(response.headers['retry-after'], '2')
  })

  test('errorInStreamProb makes the first event of a stream with status 200 an error', async t => {
    const engine = await engineWith(t, { errorInStreamProb: 1 })
    const response = await post(engine.url, '/v1/chat/completions', { ...CHAT, stream: true })
    assert.equal(response.status, 200)
    const { events, hasDone } = parseStream(response.body)
    assert.ok(hasDone)
    assert.equal(at(events[0], 'error', 'code'), 500)
  })

  test('abortInStreamProb ends a response with an abort without status', async t => {
    const engine = await engineWith(t, { abortInStreamProb: 1 })
    const native: unknown = JSON.parse((await post(engine.url, '/generate', GENERATE)).body)
    assert.equal(at(native, 'meta_info', 'finish_reason', 'type'), 'abort')
    const { body } = await post(engine.url, '/v1/chat/completions', { ...CHAT, stream: true })
    assert.equal(at(parseStream(body).events.at(-1), 'choices', 0, 'finish_reason'), 'abort')
  })

  test('oomAt ends a response partway with a 500', async t => {
    const engine = await engineWith(t, { oomAt: 5 })
    assert.equal((await post(engine.url, '/generate', GENERATE)).status, 500)
    const { body } = await post(engine.url, '/v1/chat/completions', { ...CHAT, stream: true })
    assert.match(String(at(parseStream(body).events.at(-1), 'error', 'message')), /^Out of memory/)
  })

  test('rejectOn rejects a prompt with the error format of its route', async t => {
    const engine = await engineWith(t, { rejectOn: 'Hello' })
    const native = await post(engine.url, '/generate', GENERATE)
    assert.equal(native.status, 400)
    assert.deepEqual(JSON.parse(native.body), { error: { message: 'The prompt holds Hello.' } })
    const chat = await post(engine.url, '/v1/chat/completions', CHAT)
    assert.equal(at(JSON.parse(chat.body), 'type'), 'BadRequestError')
  })

  test('SGLang 2026-02 ends a failed chat stream without an error event', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { pBase: 1, profile: 'sglang-2026-02' } })
    const body = { ...CHAT, stream: true, ...joined(only(fleet.prefill), 1) }
    const [, decode] = await Promise.all(
      [only(fleet.prefill), only(fleet.decode)].map(engine => post(engine.url, '/v1/chat/completions', body)),
    )
    const { events } = parseStream(decode?.body ?? '')
    assert.equal(at(events[0], 'choices', 0, 'delta', 'role'), 'assistant')
    assert.equal(at(events[1], 'choices', 0, 'finish_reason'), 'abort')
    assert.equal(events.length, 2)
  })
})

suite('faults of the process', () => {
  test('crashAfter crashes the engine, and restartMs restarts it without its sequences', async t => {
    const engine = await engineWith(t, { crashAfter: 2, restartMs: 20 })
    const held = open(engine.url, '/generate', { ...GENERATE, sampling_params: { max_new_tokens: 100_000 } })
    await until(() => engine.running() === 1, 'the first is in')
    await assert.rejects(post(engine.url, '/generate', GENERATE))
    await assert.rejects(held.response)
    await until(() => engine.health === 'up', 'it is back')
    assert.equal(engine.running(), 0)
    assert.equal((await post(engine.url, '/generate', GENERATE)).status, 200)
    assert.equal(engine.counters.crashes, 1)
  })

  test('a request without a bootstrap host crashes a decode engine', async t => {
    const fleet = await fleetFor(t, { decode: 1 })
    const decode = only(fleet.decode)
    await assert.rejects(post(decode.url, '/generate', { ...GENERATE, bootstrap_room: 4 }))
    assert.equal(decode.counters.crashes, 1)
  })

  test('a decode engine detects a crashed prefill engine by its heartbeat', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { heartbeatMs: 10 } })
    const decode = only(fleet.decode)
    const leg = open(decode.url, '/generate', { ...GENERATE, ...joined(only(fleet.prefill), 4) })
    await until(() => decode.scheduler.load().transferQueue === 1, 'decode waits')
    await only(fleet.prefill).crash()
    const { status, body } = await leg.response
    assert.equal(status, 500)
    assert.match(body, /Lost connection with prefill instance/)
  })

  test('a request with an unknown bootstrap host fails after all handshake attempts', async t => {
    const fleet = await fleetFor(t, { decode: 1, knobs: { handshakeRetryMs: 2 } })
    const link = { bootstrap_host: '10.9.9.9', bootstrap_port: 1, bootstrap_room: 4 }
    const { status, body } = await post(only(fleet.decode).url, '/generate', { ...GENERATE, ...link })
    assert.equal(status, 500)
    assert.match(body, /^.*Decode handshake failed .*Aborted by AbortReq\.".*$/)
  })

  test('a request without a room gets 400 from either engine', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
    const engines = [only(fleet.prefill), only(fleet.decode)]
    const responses = await Promise.all(engines.map(engine => post(engine.url, '/generate', GENERATE)))
    for (const { status, body } of responses) {
      assert.equal(status, 400)
      assert.match(body, /received without bootstrap room id/)
    }
  })

  test('the health check reports the state of the process', async t => {
    const engine = await engineWith(t, { healthTimeoutMs: 5 })
    const healthIn = async (state: Parameters<SimEngine['setHealth']>[0]) => {
      await engine.setHealth(state)
      return (await get(engine.url, '/health')).status
    }
    assert.equal(await healthIn('up'), 200)
    assert.equal(await healthIn('starting'), 503)
    assert.equal(await healthIn('stalled'), 503)
    assert.equal(await healthIn('up'), 200)
    // Keeps the engine from exiting before its health is checked.
    const held = open(engine.url, '/generate', { ...GENERATE, sampling_params: { max_new_tokens: 100_000 } })
    await until(() => engine.running() === 1, 'it has a request')
    assert.equal(await healthIn('draining'), 503)
    held.close()
    await until(() => engine.health === 'dead', 'it has nothing left to do and exits')
    await assert.rejects(get(engine.url, '/ping'))
  })

  test('a stalled engine pauses its streams and continues them later', async t => {
    const engine = await engineWith(t, { itlBaseMs: 3 })
    const leg = open(engine.url, '/generate', { ...GENERATE, stream: true })
    await leg.firstBytes
    await engine.setHealth('stalled')
    const { tokens } = engine.counters
    await get(engine.url, '/health')
    assert.equal(engine.counters.tokens, tokens)
    await engine.setHealth('up')
    assert.ok(parseStream((await leg.response).body).hasDone)
  })
})

function pairOf(t: TestContext, knobs: Partial<Knobs>): Promise<SimulatedFleet> {
  return fleetFor(t, { prefill: 1, decode: 1, knobs })
}

/** The requests of one attempt to both engines, prefill first. */
function sendPair(fleet: SimulatedFleet, room: number, change: object = {}): OpenRequest[] {
  const body = { ...GENERATE, ...joined(only(fleet.prefill), room), ...change }
  return [only(fleet.prefill), only(fleet.decode)].map(engine => open(engine.url, '/generate', body))
}

function statusesOf(legs: readonly OpenRequest[]): Promise<number[]> {
  return Promise.all(legs.map(async leg => (await leg.response).status))
}

suite('faults of the transfer', () => {
  test('pollFailureProb fails a transfer that would otherwise succeed', async t => {
    const fleet = await pairOf(t, { pollFailureProb: 1 })
    assert.deepEqual(await statusesOf(sendPair(fleet, 1)), [500, 500])
    only(fleet.prefill).knobs.pollFailureProb = 0
    assert.deepEqual(await statusesOf(sendPair(fleet, 2)), [200, 200])
  })

  test('pOver fails transfers only while there are more of them than workers', async t => {
    const fleet = await pairOf(t, { pOver: 1, transferWorkers: 1, transferSetupMs: 5 })
    assert.deepEqual(await statusesOf(sendPair(fleet, 1)), [200, 200])
    const legs = Array.from({ length: 40 }, (_, index) => sendPair(fleet, index + 2))
    const all = new Set((await Promise.all(legs.map(statusesOf))).flat())
    assert.ok(all.has(500), 'some fail under overload')
    assert.ok(all.has(200), 'at most one in five does')
  })

  test('nixl does not report a failed transfer: decode waits until its timeout', async t => {
    const clock = new ManualClock()
    const knobs = { backend: 'nixl', pBase: 1, waitingTimeoutMs: 60_000 } as const
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs })
    const [prefill, decode] = sendPair(fleet, 1)
    let status: number | undefined
    void prefill?.response.then(response => (status = response.status))
    await until(() => {
      clock.advance(1)
      return status !== undefined
    }, 'prefill has responded')
    assert.equal(status, 500)
    assert.equal(only(fleet.decode).running(), 1)
    clock.advance(60_000)
    assert.match((await decode?.response)?.body ?? '', /timed out after 60\.0s in KVPoll\.WaitingForInput/)
  })

  test('a nixl prefill request waits for its decode engine without a timeout', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs: { backend: 'nixl' } })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const body = { ...GENERATE, rid: 'r', ...joined(prefill, 1) }
    const leg = open(prefill.url, '/generate', body)
    await until(() => prefill.running() === 1, 'prefill waits')
    clock.advance(10_000_000)
    assert.equal(prefill.running(), 1)
    const other = open(decode.url, '/generate', body)
    await until(() => decode.running() === 1, 'decode is there at last')
    clock.advance(10_000)
    assert.deepEqual(await statusesOf([leg, other]), [200, 200])
  })

  test('errorAfterKvProb fails a request once its KV cache has been received, with a status or an event', async t => {
    const fleet = await pairOf(t, { errorAfterKvProb: 1 })
    assert.deepEqual(await statusesOf(sendPair(fleet, 1)), [200, 500])
    const [, stream] = sendPair(fleet, 2, { stream: true })
    const { status, body } = (await stream?.response) ?? { status: 0, body: '' }
    assert.equal(status, 200)
    assert.equal(at(parseStream(body).events[0], 'meta_info', 'finish_reason', 'status_code'), 500)
  })

  test('abortStatusAsInt ends a failed chat stream without an error event', async t => {
    const fleet = await pairOf(t, { pBase: 1, abortStatusAsInt: true })
    const body = { ...CHAT, stream: true, ...joined(only(fleet.prefill), 1) }
    const [, decode] = await Promise.all(
      [only(fleet.prefill), only(fleet.decode)].map(engine => post(engine.url, '/v1/chat/completions', body)),
    )
    assert.equal(at(parseStream(decode?.body ?? '').events.at(-1), 'choices', 0, 'finish_reason'), 'abort')
  })
})

test('crashAtMs crashes an engine at the given time', async t => {
  const engine = await engineWith(t, { crashAtMs: 20 })
  await until(() => engine.health === 'dead', 'its time has come')
  assert.equal(engine.counters.crashes, 1)
})

test('a change of keepAliveMs applies to open connections', async t => {
  const engine = await engineWith(t, { keepAliveMs: 60_000 })
  const socket = connect(engine.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.resume()
  engine.knobs.keepAliveMs = 10
  socket.write('GET /ping HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'close')
})

test('the preset "mixed" fails about 9% of attempts, evenly over the engines', async t => {
  const attempts = 2000
  const fleet = await fleetFor(t, {
    prefill: 2,
    decode: 2,
    knobsFor: role => ({ ...presetKnobs('mixed', role), seed: 3 }),
  })
  const attempt = async (room: number): Promise<boolean> => {
    const prefill = only(fleet.prefill, room % 2)
    const decode = only(fleet.decode, (room >> 1) % 2)
    const rid = String(room).padStart(32, '0')
    const body = { ...GENERATE, sampling_params: { max_new_tokens: 2 }, rid, ...joined(prefill, room) }
    const legs = [prefill, decode].map(engine => open(engine.url, '/generate', body))
    const responses = legs.map(async ({ response }) => {
      const isGood = await response.then(isComplete, () => false)
      // As in a gateway, a failed leg ends the attempt: the other one is not awaited.
      if (!isGood) await Promise.all([prefill, decode].map(({ url }) => post(url, '/abort_request', { rid })))
      return isGood
    })
    return (await Promise.all(responses)).every(Boolean)
  }
  const lane = (first: number) =>
    inTurn(
      Array.from({ length: attempts / 20 }, (_, turn) => first + turn * 20),
      attempt,
    )
  const results = (await Promise.all(Array.from({ length: 20 }, (_, first) => lane(first + 1)))).flat()
  const failed = results.filter(isGood => !isGood).length
  assert.ok(failed > 0.065 * attempts && failed < 0.115 * attempts, `${failed} of ${attempts} failed`)
  const [first = 0, second = 0] = fleet.decode.map(({ counters }) => counters.failed)
  assert.ok(first > second / 2 && second > first / 2, `${first} and ${second} of them on the decode engines`)
})

function isComplete({ status, body }: { readonly status: number; readonly body: string }): boolean {
  return status === 200 && at(JSON.parse(body), 'meta_info', 'finish_reason', 'type') !== 'abort'
}
