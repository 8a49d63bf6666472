/** Fault knobs in the settings that other tests do not cover, and the duration and order of faults. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { ManualClock } from '../../../src/simulator/clock/manual-clock.ts'
import type { SimulatedFleet } from '../../../src/simulator/fleet.ts'
import type { Knobs } from '../../../src/simulator/settings/knobs.ts'
import { at, parseStream } from '../../support/sse.ts'
import { until } from '../../support/until.ts'
import { fleetFor, inTurn, joined, type OpenRequest, only, open, post, type TextResponse } from './support.ts'

const GENERATE = { text: 'A prompt of many tokens', sampling_params: { max_new_tokens: 4 } }
const CHAT = { messages: [{ role: 'user', content: 'Hello' }], max_tokens: 4, stream: true }

/** The requests of one attempt to both engines, prefill first. */
function sendPair({ prefill, decode }: SimulatedFleet, room: number, rid = `r${room}`): OpenRequest[] {
  const body = { ...GENERATE, rid, ...joined(only(prefill), room) }
  return [only(prefill), only(decode)].map(engine => open(engine.url, '/generate', body))
}

/** The response of decode to a chat whose KV transfer fails. */
async function failedChat(t: TestContext, knobs: Partial<Knobs>): Promise<TextResponse> {
  const { prefill, decode } = await fleetFor(t, { prefill: 1, decode: 1, knobs: { pBase: 1, ...knobs } })
  const body = { ...CHAT, ...joined(only(prefill), 1) }
  const [, response] = await Promise.all(
    [only(prefill), only(decode)].map(({ url }) => post(url, '/v1/chat/completions', body)),
  )
  assert.ok(response)
  return response
}

suite('silentAbort takes precedence over the profile', () => {
  test('true: SGLang 2026-07 ends a failed chat stream without an error event', async t => {
    const { events, hasDone } = parseStream((await failedChat(t, { silentAbort: true })).body)
    assert.deepEqual([events.length, hasDone], [2, true])
    assert.equal(at(events[1], 'choices', 0, 'finish_reason'), 'abort')
  })

  test('false: SGLang 2026-02 sends an error event', async t => {
    const knobs = { profile: 'sglang-2026-02', silentAbort: false } as const
    const { events } = parseStream((await failedChat(t, knobs)).body)
    assert.equal(at(events.at(-1), 'error', 'code'), 500)
  })
})

suite('the pair and its prompt', () => {
  test('a failed transfer breaks its pair for stickyMs', async t => {
    const clock = new ManualClock()
    const knobs = { pBase: 1, stickyProb: 1, stickyMs: 30_000 }
    const fleet = await fleetFor(t, { prefill: 1, decode: 1, clock, knobs })
    const statusesOf = async (room: number): Promise<number[]> => {
      let statuses: number[] | undefined
      const responses = sendPair(fleet, room).map(async leg => (await leg.response).status)
      void Promise.all(responses).then(all => (statuses = all))
      await until(() => {
        clock.advance(1)
        return statuses !== undefined
      }, 'both have responded')
      return statuses ?? []
    }
    assert.deepEqual(await statusesOf(1), [500, 500])
    only(fleet.prefill).knobs.pBase = 0
    assert.deepEqual(await statusesOf(2), [500, 500])
    clock.advance(30_000)
    assert.deepEqual(await statusesOf(3), [200, 200])
  })

  test('without garbageOnLenMismatch, prefill rejects a prompt that is too long, and decode waits', async t => {
    const fleet = await fleetFor(t, {
      prefill: 1,
      decode: 1,
      knobsFor: role => (role === 'prefill' ? { maxReqInputLen: 3, garbageOnLenMismatch: false } : {}),
    })
    const decode = only(fleet.decode)
    const [prefillLeg, decodeLeg] = sendPair(fleet, 4)
    const refused = await prefillLeg?.response
    assert.equal(refused?.status, 400)
    assert.match(refused.body, /exceeds the maximum allowed length \(3 tokens\)/)
    await until(() => decode.scheduler.load().transferQueue === 1, 'decode waits')
    await post(decode.url, '/abort_request', { rid: 'r4' })
    assert.equal((await decodeLeg?.response)?.status, 500)
  })
})

test('the knob blackhole accepts connections and reads nothing', async t => {
  const engine = only((await fleetFor(t, { mixed: 1, knobs: { blackhole: true } })).mixed)
  const leg = open(engine.url, '/generate', GENERATE)
  await until(() => engine.sockets === 1, 'the connection is taken')
  leg.close()
  await assert.rejects(leg.response)
  engine.knobs.blackhole = false
  assert.equal((await post(engine.url, '/generate', GENERATE)).status, 200)
  assert.equal(engine.counters.received, 1)
})

test('the same seed draws the same faults, and another seed draws others', async t => {
  const statuses = async (seed: number): Promise<number[]> => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: { seed, errorStatusProb: 0.5 } })).mixed)
    const requests = Array.from({ length: 40 }, () => GENERATE)
    return inTurn(requests, async body => (await post(engine.url, '/generate', body)).status)
  }
  const [first, again, other] = await Promise.all([statuses(7), statuses(7), statuses(8)])
  assert.deepEqual(again, first)
  assert.notDeepEqual(other, first)
  assert.deepEqual(new Set(first), new Set([200, 500]))
})
