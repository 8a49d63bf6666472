/** Ten behaviours of a real PD deployment (SGLang 2026-07) on which the design of a gateway depends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { suite, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import { expectedText, scriptFor } from '../../../src/simulator/sequence/output-script.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, get, joined, only, open, post } from './support.ts'

const generate = { text: 'A prompt of some words', sampling_params: { max_new_tokens: 5 } }

suite('fidelity', () => {
  test('1a. a request sent to decode alone fails after the waiting timeout', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock })
    const decode = only(fleet.decode)
    const leg = open(decode.url, '/generate', { ...generate, rid: 'r1', ...joined(only(fleet.prefill), 7) })
    await until(() => decode.scheduler.load().transferQueue === 1, 'decode waits')
    clock.advance(299_000)
    assert.equal(decode.running(), 1)
    clock.advance(2_000)
    const { status, body } = await leg.response
    assert.equal(status, 500)
    assert.equal(
      at(JSON.parse(body), 'message'),
      "Decode transfer failed for request rank=0 decode_req.req.rid='r1' decode_req.req.bootstrap_room=7" +
        ' with exception KVTransferError(bootstrap_room=7): ' +
        'Request 7 timed out after 300.0s in KVPoll.WaitingForInput',
    )
  })

  test('1b. a request sent to prefill alone fails after the bootstrap timeout', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock })
    const prefill = only(fleet.prefill)
    const leg = open(prefill.url, '/generate', { ...generate, rid: 'r1', ...joined(prefill, 7) })
    await until(() => prefill.running() === 1, 'prefill waits')
    clock.advance(301_000)
    const { status, body } = await leg.response
    assert.equal(status, 500)
    assert.deepEqual(JSON.parse(body), {
      object: 'error',
      message:
        "Prefill bootstrap failed for request rank=0 req.rid='r1' req.bootstrap_room=7 with exception" +
        ' KVTransferError(bootstrap_room=7): Request 7 timed out after 300.0s in KVPoll.Bootstrapping',
      type: '500',
      param: null,
      code: 500,
    })
  })

  test('2. prefill computes nothing before decode has allocated its KV cache', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
    const prefill = only(fleet.prefill)
    const body = { ...generate, ...joined(prefill, 9) }
    const first = open(prefill.url, '/generate', body)
    await until(() => prefill.scheduler.load().bootstrapQueue === 1, 'prefill waits for decode')
    const { status } = await post(only(fleet.decode).url, '/generate', body)
    assert.deepEqual([status, (await first.response).status], [200, 200])
  })

  test('3. decode sends its first token before a busy prefill engine responds', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs: { prefillMsPerToken: 1 } })
    const prefill = only(fleet.prefill)
    const decode = only(fleet.decode)
    const send = (text: string, room: number) => {
      const body = { ...generate, stream: true, text, ...joined(prefill, room) }
      return {
        p: open(prefill.url, '/generate', { ...body, stream: false }),
        d: open(decode.url, '/generate', body),
      }
    }
    const short = send('short', 1)
    await until(() => prefill.scheduler.load().running === 1, 'the short prompt is in its step')
    const long = send('x'.repeat(40_000), 2)
    await until(() => prefill.scheduler.load().running === 2, 'the long prompt waits')
    // The short step ends and the long one begins; the transfer completes during the long one.
    clock.advance(100)
    await short.d.firstBytes
    assert.equal(prefill.scheduler.load().inflightQueue, 1, 'prefill has not responded')
    clock.advance(100_000)
    await Promise.all([short.p.response, short.d.response, long.p.response, long.d.response])
  })

  test('4. closing the prefill request during the transfer leaves decode hanging; aborting both frees both', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { transferSetupMs: 600_000 } })
    const prefill = only(fleet.prefill)
    const decode = only(fleet.decode)
    const send = (rid: string, room: number) =>
      [prefill, decode].map(engine =>
        open(engine.url, '/generate', { ...generate, rid, ...joined(prefill, room) }),
      )
    const [lone] = send('a'.repeat(32), 1)
    await until(() => prefill.scheduler.load().inflightQueue === 1, 'the transfer runs')
    lone?.close()
    await until(() => prefill.running() === 0, 'prefill has noticed')
    assert.equal(decode.running(), 1)

    const legs = send('b'.repeat(32), 2)
    await until(() => prefill.scheduler.load().inflightQueue === 1, 'the second transfer runs')
    await Promise.all(
      [prefill, decode].flatMap(engine =>
        ['a', 'b'].map(rid => post(engine.url, '/abort_request', { rid: rid.repeat(32) })),
      ),
    )
    await until(() => prefill.running() + decode.running() === 0, 'both are free')
    const responses = await Promise.all(legs.map(leg => leg.response))
    for (const { body } of responses) assert.match(body, /KVTransferError/)
  })

  test('5. a broken pair fails, other pairs of the same engines work, and health checks succeed', async t => {
    const fleet = await fleetFor(t, {
      prefill: 2,
      decode: 2,
      knobs: { pBase: 1, stickyProb: 1, stickyMs: 1e9 },
    })
    const statusOf = async (p: number, d: number, room: number) => {
      const body = { ...generate, ...joined(only(fleet.prefill, p), room) }
      const legs = [only(fleet.prefill, p), only(fleet.decode, d)].map(engine =>
        post(engine.url, '/generate', body),
      )
      return (await Promise.all(legs)).map(({ status }) => status)
    }
    assert.deepEqual(await statusOf(0, 0, 1), [500, 500])
    for (const engine of [...fleet.prefill, ...fleet.decode]) engine.knobs.pBase = 0
    assert.deepEqual(await statusOf(0, 0, 2), [500, 500])
    assert.deepEqual(await statusOf(0, 1, 3), [200, 200])
    assert.deepEqual(await statusOf(1, 0, 4), [200, 200])
    const probes = await Promise.all(
      [...fleet.prefill, ...fleet.decode].map(engine => get(engine.url, '/health')),
    )
    assert.deepEqual(
      probes.map(({ status }) => status),
      [200, 200, 200, 200],
    )
  })

  test('6. a failed chat stream has status 200, an error event and [DONE]', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { pBase: 1 } })
    const prefill = only(fleet.prefill)
    const body = { messages: [{ role: 'user', content: 'Hi' }], stream: true, ...joined(prefill, 5) }
    const [, response] = await Promise.all(
      [prefill, only(fleet.decode)].map(engine => post(engine.url, '/v1/chat/completions', body)),
    )
    assert.equal(response?.status, 200)
    const { events, hasDone } = parseStream(response?.body ?? '')
    assert.ok(hasDone)
    assert.equal(events.length, 1)
    assert.equal(at(events[0], 'error', 'code'), 500)
    assert.match(String(at(events[0], 'error', 'message')), /it might be dead$/)
  })

  test('7a. a request with room 0 never completes and never times out', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const body = { ...generate, rid: 'zero', ...joined(prefill, 0) }
    const legs = [prefill, decode].map(engine => open(engine.url, '/generate', body))
    await until(() => prefill.running() === 1 && decode.running() === 1, 'both hold it')
    clock.advance(1_000_000)
    assert.deepEqual([prefill.running(), decode.running()], [0, 1])
    await post(decode.url, '/abort_request', { rid: 'zero' })
    assert.deepEqual(await Promise.all(legs.map(async leg => (await leg.response).status)), [200, 500])
  })

  test('7b. the later of two requests with the same room hangs', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const legs = [prefill, decode, prefill, decode].map(engine =>
      open(engine.url, '/generate', { ...generate, ...joined(prefill, 3) }),
    )
    await until(() => prefill.running() === 2 && decode.running() === 2, 'both hold both')
    clock.advance(10_000)
    assert.deepEqual([prefill.running(), decode.running()], [0, 1])
    assert.equal(decode.rooms.duplicates, 1)
    clock.advance(300_000)
    const statuses = await Promise.all(legs.map(async leg => (await leg.response).status))
    assert.equal(statuses.filter(status => status === 200).length, 3)
    assert.ok(statuses.includes(500))
  })

  test('7c. a request with n > 1 hangs on a pair', async t => {
    const clock = new ManualClock()
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const body = { ...generate, sampling_params: { max_new_tokens: 5, n: 3 }, ...joined(prefill, 3) }
    const legs = [prefill, decode].map(engine => open(engine.url, '/generate', body))
    await until(() => prefill.running() === 1 && decode.running() === 1, 'the primers are in')
    for (let step = 0; step < 100; step++) clock.advance(10)
    assert.ok(decode.running() >= 2, 'at most one choice is done, the others wait')
    clock.advance(300_000)
    assert.equal((await legs[1]?.response)?.status, 500)
  })

  test('8. an idle connection is closed without notice', async t => {
    const fleet = await fleetFor(t, { mixed: 1, knobs: { keepAliveMs: 40 } })
    const socket = connect(only(fleet.mixed).port, '127.0.0.1')
    t.after(() => socket.destroy())
    let response = ''
    socket.on('data', (bytes: Buffer) => {
      response += bytes.toString()
    })
    socket.write('GET /ping HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'close')
    assert.match(response, /^HTTP\/1.1 200/)
    assert.doesNotMatch(response, /keep-alive|connection/i)
  })

  test('9. none of 2,000 waiting requests gets a 503', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { maxRunning: 64 } })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const responses = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => {
        const body = { ...generate, sampling_params: { max_new_tokens: 1 }, ...joined(prefill, index + 1) }
        return [post(prefill.url, '/generate', body), post(decode.url, '/generate', body)]
      }).flat(),
    )
    assert.deepEqual(new Set(responses.map(({ status }) => status)), new Set([200]))
  })

  test('10. decode sends exactly the scripted tokens, and usage counts them', async t => {
    const fleet = await fleetFor(t, { prefill: 1, decode: 1 })
    const prefill = only(fleet.prefill)
    const body = { text: 'Count', sampling_params: { max_new_tokens: 70 }, ...joined(prefill, 11) }
    const [, response] = await Promise.all(
      [prefill, only(fleet.decode)].map(engine => post(engine.url, '/generate', body)),
    )
    const parsed: unknown = JSON.parse(response?.body ?? '')
    assert.equal(at(parsed, 'text'), expectedText('Count', 0, 70))
    assert.deepEqual(at(parsed, 'output_ids'), scriptFor('Count', 0, 70).tokenIds)
    assert.equal(at(parsed, 'meta_info', 'completion_tokens'), 70)
    assert.equal(at(parsed, 'meta_info', 'prompt_tokens'), 2)
  })
})
