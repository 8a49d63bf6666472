/** The control server, through which another process reads counters and changes engines. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { startControlServer } from '../../../src/simulator/control-server.ts'
import type { SimulatedFleet } from '../../../src/simulator/fleet.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, get, joined, only, open, post } from './support.ts'

const GENERATE = { text: 'Hello', sampling_params: { max_new_tokens: 4 } }

async function controlled(t: TestContext): Promise<{ fleet: SimulatedFleet; url: string }> {
  const fleet = await fleetFor(t, { prefill: 2, decode: 2 })
  const server = await startControlServer(fleet, 0)
  t.after(() => server.close())
  return { fleet, url: server.url }
}

suite('the control server', () => {
  test('serves the counters of an engine that has crashed', async t => {
    const { fleet, url } = await controlled(t)
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const leg = open(decode.url, '/generate', { ...GENERATE, ...joined(prefill, 9) })
    await until(() => decode.running() === 1, 'decode waits')
    const counters = async (): Promise<unknown> => JSON.parse((await get(url, '/counters')).body)
    const held = await counters()
    assert.equal(at(held, 'decode/0', 'running'), 1)
    assert.equal(at(held, 'decode/0', 'sockets'), 1)
    leg.close()
    await until(() => decode.counters.abortedByDisconnect === 1, 'the client is missed')
    await post(url, '/health', { engine: 'decode/0', health: 'dead' })
    const after = await counters()
    assert.equal(at(after, 'decode/0', 'running'), 0)
    assert.equal(at(after, 'decode/0', 'peakRunning'), 1)
    assert.equal(at(after, 'decode/0', 'sockets'), 0)
    assert.equal(at(after, 'decode/0', 'crashes'), 1)
  })

  test('counts every connection that a fault resets, even at the end of its stream', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { resetMidStreamProb: 1 } })).mixed)
    const sampling = { max_new_tokens: 4, ignore_eos: true }
    const streams = Array.from({ length: 40 }, () =>
      post(engine.url, '/generate', { text: 'Hello', sampling_params: sampling, stream: true }),
    )
    const cut = (await Promise.all(streams)).filter(({ isCut }) => isCut).length
    await until(() => engine.running() === 0, 'no stream is left')
    assert.ok(cut > 0)
    assert.equal(engine.counters.disconnected, cut)
  })

  test('counts requests whose partner never joined their room', async t => {
    const fleet = await fleetFor(t, {
      prefill: 1,
      decode: 1,
      knobs: { waitingTimeoutMs: 20, bootstrapTimeoutMs: 20 },
    })
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    await post(decode.url, '/generate', { ...GENERATE, ...joined(prefill, 3) })
    await until(() => prefill.running() === 0, 'nothing is left')
    await post(prefill.url, '/generate', { ...GENERATE, ...joined(prefill, 4) })
    assert.deepEqual([prefill.counters.partnerMissing, decode.counters.partnerMissing], [1, 1])
  })

  test('serves the times of streams, and how many tokens they had, up to where one was cut off', async t => {
    const fleet = await fleetFor(t, { mixed: 1 })
    const engine = only(fleet.mixed)
    const server = await startControlServer(fleet, 0)
    t.after(() => server.close())
    const stream = { ...GENERATE, stream: true }
    await post(engine.url, '/generate', { ...stream, rid: 'whole' })
    engine.knobs.resetMidStreamProb = 1
    const sampling = { max_new_tokens: 50, ignore_eos: true }
    await post(engine.url, '/generate', { ...stream, sampling_params: sampling, rid: 'cut' })
    const logs: unknown = JSON.parse((await get(server.url, '/first-tokens')).body)
    const numbers = [0, 1].flatMap(index =>
      ['arrivedMs', 'writtenMs', 'endedMs', 'tokens'].map(name => Number(at(logs, 'mixed/0', index, name))),
    )
    const [arrived = 0, written = 0, ended = 0, tokens, , cutWritten = 0, cutEnded = 0, cutTokens = 0] =
      numbers
    assert.deepEqual([at(logs, 'mixed/0', 0, 'rid'), at(logs, 'mixed/0', 1, 'rid')], ['whole', 'cut'])
    assert.ok(arrived <= written && written <= ended, `${arrived}, ${written}, ${ended}`)
    assert.equal(tokens, 4)
    assert.ok(cutWritten <= cutEnded && cutTokens > 0 && cutTokens < 50, `${cutTokens} tokens`)
  })

  test('sets knobs, breaks pairs and restarts engines', async t => {
    const { fleet, url } = await controlled(t)
    const [prefill, decode] = [only(fleet.prefill), only(fleet.decode)]
    const statuses = async (room: number): Promise<number[]> => {
      const body = { ...GENERATE, ...joined(prefill, room) }
      const responses = await Promise.all(
        [prefill, decode].map(engine => post(engine.url, '/generate', body)),
      )
      return responses.map(({ status }) => status)
    }
    await post(url, '/break-pair', { prefill: 'prefill/0', decode: 'decode/0', forMs: 60_000 })
    assert.deepEqual(await statuses(1), [500, 500])
    await post(url, '/break-pair', { prefill: 'prefill/0', decode: 'decode/0', forMs: 0 })
    assert.deepEqual(await statuses(2), [200, 200])
    await post(url, '/knobs', { engine: 'decode/0', knobs: { modelId: 'other' } })
    assert.deepEqual([decode.knobs.modelId, decode.knobs.itlBaseMs], ['other', 1])
    await post(url, '/health', { engine: 'decode/0', health: 'dead' })
    await assert.rejects(get(decode.url, '/ping'))
    await post(url, '/restart', { engine: 'decode/0' })
    assert.equal((await get(decode.url, '/ping')).status, 200)
    const reported: unknown = JSON.parse((await get(url, '/engines')).body)
    assert.equal(at(reported, 2, 'name'), 'decode/0')
    assert.equal(at(reported, 2, 'url'), decode.url)
  })

  test('rejects invalid requests with the reason', async t => {
    const { url } = await controlled(t)
    const knob = await post(url, '/knobs', { engine: 'decode/0', knobs: { pBase: 7 } })
    assert.equal(knob.status, 400)
    assert.match(knob.body, /pBase/)
    assert.match((await post(url, '/restart', { engine: 'decode/9' })).body, /No such engine: decode\/9/)
    assert.equal((await get(url, '/nothing')).status, 404)
  })
})
