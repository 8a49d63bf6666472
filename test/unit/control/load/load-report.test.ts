import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  confirmed,
  NO_OTHERS,
  othersIn,
  parseLoads,
  totalOf,
} from '../../../../src/control/load/load-report.ts'

/** As SGLang 0.5.23 writes a row, without what is not read. */
function row(rank: number, running: number, waiting: number, tokens: number): object {
  return {
    timestamp: 100 + rank,
    dp_rank: rank,
    num_running_reqs: running,
    num_waiting_reqs: waiting,
    num_waiting_uncached_tokens: 10 * waiting,
    num_used_tokens: 1,
    num_total_tokens: tokens,
    token_usage: 0.5,
  }
}

suite('the load that an engine reports', () => {
  test('is read rank by rank', () => {
    const body = JSON.stringify({ version: '0.5.23', loads: [row(0, 3, 2, 500), row(1, 0, 1, 40)] })
    assert.deepEqual(parseLoads(body), [
      { rank: 0, timestamp: 100, requests: 5, waitingTokens: 20, tokens: 500 },
      { rank: 1, timestamp: 101, requests: 1, waitingTokens: 10, tokens: 40 },
    ])
    assert.deepEqual(totalOf(parseLoads(body) ?? []), {
      rank: 0,
      timestamp: 101,
      requests: 6,
      waitingTokens: 30,
      tokens: 540,
    })
  })

  test('counts what a prefill engine has computed until its KV cache is transferred', () => {
    const loads = [{ ...row(0, 0, 2, 500), disaggregation: { prefill_inflight_queue_reqs: 3 } }]
    assert.equal(parseLoads(JSON.stringify({ loads }))?.[0]?.requests, 5)
  })

  test('is not taken from anything else', () => {
    for (const body of ['', '{', '[]', '{}', '{"loads":{}}', '{"detail":"Not Found"}'])
      assert.equal(parseLoads(body), undefined)
    assert.deepEqual(parseLoads('{"loads":[null,1]}'), [])
    const odd = { num_running_reqs: -1, num_waiting_reqs: '3', num_total_tokens: null }
    assert.deepEqual(parseLoads(JSON.stringify({ loads: [odd] })), [
      { rank: 0, timestamp: 0, requests: 0, waitingTokens: 0, tokens: 0 },
    ])
  })
})

suite('the load of others', () => {
  const load = { rank: 0, timestamp: 1, requests: 10, waitingTokens: 100, tokens: 1000 }

  test('is what exceeds the requests of the gateway, with its share of the tokens', () => {
    assert.deepEqual(othersIn(load, 4, 'decode'), { requests: 6, promptBytes: 2400 })
    assert.deepEqual(othersIn(load, 4, 'prefill'), { requests: 6, promptBytes: 240 })
    assert.deepEqual(othersIn(load, 4, 'mixed'), { requests: 6, promptBytes: 240 })
    assert.deepEqual(othersIn(load, 0, 'decode'), { requests: 10, promptBytes: 4000 })
  })

  test('is none while the engine has no more requests than the gateway', () => {
    for (const own of [10, 11]) assert.deepEqual(othersIn(load, own, 'decode'), NO_OTHERS)
    assert.deepEqual(othersIn({ ...load, requests: 0 }, 0, 'decode'), NO_OTHERS)
  })

  test('counts once two reports in a row have shown it, and no longer than one shows it', () => {
    const [few, many] = [
      { requests: 2, promptBytes: 900 },
      { requests: 5, promptBytes: 700 },
    ]
    assert.deepEqual(confirmed(NO_OTHERS, many), NO_OTHERS)
    assert.deepEqual(confirmed(few, many), { requests: 2, promptBytes: 700 })
    assert.deepEqual(confirmed(many, NO_OTHERS), NO_OTHERS)
  })
})
