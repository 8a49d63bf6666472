/** Data-parallel ranks of a simulated engine, held to what was seen of SGLang 0.5.23. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { at } from '../../support/sse.ts'
import { fleetFor, get, inTurn, joined, only, post } from './support.ts'

const PROMPT = 'the same long beginning of a prompt, which takes more than one page of the cache '.repeat(20)
const SHORT = { sampling_params: { max_new_tokens: 1 } }
const TWO = { dpSize: 2, pageSize: 16, prefixCache: true }

async function pairOf(t: TestContext, knobs: object = {}) {
  const fleet = await fleetFor(t, { prefill: 1, decode: 1, knobs: { ...TWO, ...knobs } })
  return { prefill: only(fleet.prefill), decode: only(fleet.decode) }
}

suite('a mixed engine with two ranks', () => {
  test('runs a request on the rank that it names, which has a cache of its own', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: TWO })).mixed)
    const seen = await inTurn([0, 0, 1, 1], async rank => {
      const response = await post(engine.url, '/generate', { text: PROMPT, ...SHORT, routed_dp_rank: rank })
      const { dp_rank: dpRank, cached_tokens: cached } = JSON.parse(response.body).meta_info
      return [dpRank, cached > 0]
    })
    assert.deepEqual(seen, [
      [0, false],
      [0, true],
      [1, false],
      [1, true],
    ])
  })

  test('takes turns when none is named, and knows the older name and the header', async t => {
    const { url } = only((await fleetFor(t, { mixed: 1, knobs: TWO })).mixed)
    const rankOf = async (body: object) => {
      const { body: text } = await post(url, '/generate', { text: 'x', ...SHORT, ...body })
      return at(JSON.parse(text), 'meta_info', 'dp_rank')
    }
    assert.deepEqual(await inTurn([{}, {}, {}], rankOf), [0, 1, 0])
    assert.equal(await rankOf({ data_parallel_rank: 1 }), 1)
    const chat = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-data-parallel-rank': '2' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }] }),
    })
    assert.equal(chat.status, 400)
    assert.match(await chat.text(), /routed_dp_rank=2 out of range \[0, 2\)/)
  })

  test('reports its ranks, and the load of each', async t => {
    const engine = only((await fleetFor(t, { mixed: 1, knobs: TWO })).mixed)
    assert.equal(at(JSON.parse((await get(engine.url, '/server_info')).body), 'dp_size'), 2)
    const { loads } = JSON.parse((await get(engine.url, '/v1/loads')).body)
    assert.deepEqual(
      loads.map((load: object) => at(load, 'dp_rank')),
      [0, 1],
    )
    assert.deepEqual(JSON.parse((await get(engine.url, '/v1/loads?dp_rank=5')).body).loads, [])
  })
})

suite('a pair whose engines have two ranks', () => {
  test('works with any room if both legs name the rank of prefill', async t => {
    const { prefill, decode } = await pairOf(t)
    const cached = await inTurn([1, 1, 0], async rank => {
      const body = { text: PROMPT, ...SHORT, ...joined(prefill, 100 + rank), disagg_prefill_dp_rank: rank }
      const legs = await Promise.all([
        post(prefill.url, '/generate', { ...body, routed_dp_rank: rank }),
        post(decode.url, '/generate', { ...body, routed_dp_rank: 1 }),
      ])
      assert.deepEqual(
        legs.map(({ status }) => status),
        [200, 200],
        legs[0].body,
      )
      assert.equal(at(JSON.parse(legs[1].body), 'meta_info', 'dp_rank'), 1)
      return Number(at(JSON.parse(legs[0].body), 'meta_info', 'cached_tokens')) > 0
    })
    assert.deepEqual(cached, [false, true, false], 'each rank has a cache of its own')
  })

  test('has the room name the rank of prefill, but refuses rooms of other ranks than 0', async t => {
    const { prefill, decode } = await pairOf(t)
    const even = { text: 'x', ...SHORT, ...joined(prefill, 1000) }
    const legs = await Promise.all([
      post(prefill.url, '/generate', even),
      post(decode.url, '/generate', even),
    ])
    assert.deepEqual(
      legs.map(({ status }) => status),
      [200, 200],
    )
    const odd = await post(prefill.url, '/generate', { text: 'x', ...SHORT, ...joined(prefill, 1001) })
    assert.equal(odd.status, 500)
    assert.match(odd.body, /conflict: dispatched to dp_rank 0 but bootstrap_room 1001 implies dp_rank 1/)
  })

  test('refuses only rooms of another rank with DP attention', async t => {
    const { prefill, decode } = await pairOf(t, { dpAttention: true })
    const odd = { text: 'x', ...SHORT, ...joined(prefill, 1001) }
    const legs = await Promise.all([post(prefill.url, '/generate', odd), post(decode.url, '/generate', odd)])
    assert.deepEqual(
      legs.map(({ status }) => status),
      [200, 200],
    )
    const other = await post(prefill.url, '/generate', { ...odd, routed_dp_rank: 0 })
    assert.match(other.body, /dispatched to dp_rank 0 but bootstrap_room 1001 implies dp_rank 1/)
  })
})
