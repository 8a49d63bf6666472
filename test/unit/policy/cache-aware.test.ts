import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { seededRandom } from '../../../src/core/random.ts'
import { cacheAware } from '../../../src/policy/cache-aware.ts'
import type { PolicyView, PromptView } from '../../../src/policy/policy.ts'
import { engineOf, enginesOf } from '../../support/engines.ts'

const POLICY = cacheAware()

interface State {
  readonly inFlight?: readonly number[]
  readonly work?: readonly number[]
  readonly recent?: readonly number[]
  /** Requests from other clients and gateways. */
  readonly others?: readonly number[]
}

function viewOf({ inFlight = [], work = [], recent = [], others = [] }: State = {}): PolicyView {
  let count = 0
  return {
    random: seededRandom(1),
    reason: 'only',
    inFlight: slot => inFlight[slot] ?? 0,
    work: slot => work[slot] ?? 0,
    othersRequests: slot => others[slot] ?? 0,
    othersPromptBytes: slot => 1000 * (others[slot] ?? 0),
    recentWork: slot => recent[slot] ?? 0,
    second: () => 0,
    next: () => count++,
  }
}

function promptOf(bytes: number, cached: readonly number[], key = 1): PromptView {
  return { bytes, cachedBytes: slot => cached[slot] ?? 0, keyAfter: () => key }
}

function slotOf(engines: number, state: State, prompt: PromptView): number {
  return POLICY(enginesOf(engines), viewOf(state), { prompt }).slot
}

suite('cache_aware', () => {
  test('takes the engine that has cached most of the prompt', () => {
    for (let key = 0; key < 20; key++)
      assert.equal(slotOf(4, {}, promptOf(10_000, [2000, 0, 8000, 4000], key)), 2)
  })

  test('keeps to the engine that has the prefix, however much it has computed lately', () => {
    assert.equal(slotOf(3, { recent: [0, 900_000, 0] }, promptOf(10_000, [0, 9000, 0])), 1)
  })

  test('leaves the engine that has the prefix once its queue costs more than computing the prefix again', () => {
    const cached = [9000, 0]
    assert.equal(slotOf(2, { work: [20_000, 0] }, promptOf(10_000, cached)), 0)
    assert.equal(slotOf(2, { work: [40_000, 0] }, promptOf(10_000, cached)), 1)
  })

  test('uses a second engine with a popular prefix before a third gets it', () => {
    const chosen = slotOf(3, { work: [40_000, 10_000, 0] }, promptOf(10_000, [9000, 9000, 0]))
    assert.equal(chosen, 1)
  })

  test('sends no request to an engine that has far more than its share, whatever it has cached', () => {
    assert.equal(slotOf(2, { inFlight: [8, 2] }, promptOf(1_000_000, [999_000, 0])), 0)
    assert.equal(slotOf(2, { inFlight: [30, 2] }, promptOf(1_000_000, [999_000, 0])), 1)
  })

  test('chooses alike in two gateways that know nothing, and evenly', () => {
    const counts = [0, 0, 0, 0]
    const [engines, reversed] = [enginesOf(4), enginesOf(4).toReversed()]
    for (let key = 0; key < 4000; key++) {
      const prompt = promptOf(5000, [], Math.imul(key, 0x9e3779b1))
      const chosen = POLICY(engines, viewOf(), { prompt })
      assert.equal(POLICY(reversed, viewOf(), { prompt }).url, chosen.url)
      counts[chosen.slot] = (counts[chosen.slot] ?? 0) + 1
    }
    for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join())
  })

  test('keeps its choice for all other prefixes when an engine joins', () => {
    let moved = 0
    for (let key = 0; key < 1000; key++) {
      const prompt = promptOf(5000, [], Math.imul(key, 0x9e3779b1))
      const before = POLICY(enginesOf(4), viewOf(), { prompt })
      const after = POLICY(enginesOf(5), viewOf(), { prompt })
      if (after.url === before.url) continue
      assert.equal(after.slot, 4)
      moved++
    }
    assert.ok(moved > 130 && moved < 270, String(moved))
  })

  test('gives a new prefix to none that has computed far more than the others lately', () => {
    for (let key = 0; key < 50; key++)
      assert.notEqual(slotOf(3, { recent: [500_000, 10_000, 10_000] }, promptOf(5000, [], key * 7919)), 0)
  })

  test('stays with the engine that has the prompt whatever others had there seconds ago', () => {
    assert.equal(slotOf(2, { others: [1000, 0] }, promptOf(1000, [1000, 0])), 0)
  })

  test('chooses by load where the prompt is too short to be cached', () => {
    for (const [state, slot] of [
      [{ inFlight: [4, 1, 3] }, 1],
      [{ inFlight: [1, 1, 0] }, 2],
      [{ work: [0, 9, 9] }, 0],
      [{ others: [1, 1, 0] }, 2],
    ] as const)
      for (let shortKey = 0; shortKey < 20; shortKey++) {
        const view = viewOf(state)
        assert.deepEqual([POLICY(enginesOf(3), view, { shortKey }).slot, view.reason], [slot, 'load'])
        assert.equal(POLICY(enginesOf(3), view).slot, slot)
      }
  })

  test('keeps a short prompt on one engine of those with the same load, alike in two gateways, and evenly', () => {
    const [engines, reversed] = [enginesOf(4), enginesOf(4).toReversed()]
    const state = { inFlight: [1, 2, 1, 1], recent: [900_000, 0, 0, 0] }
    const counts = [0, 0, 0, 0]
    for (let key = 0; key < 3000; key++) {
      const shortKey = Math.imul(key, 0x9e3779b1) >>> 0
      const view = viewOf(state)
      const { slot } = POLICY(engines, view, { shortKey })
      assert.equal(view.reason, 'hashed')
      assert.equal(POLICY(engines, view, { shortKey }).slot, slot)
      assert.equal(POLICY(reversed, viewOf(state), { shortKey }).slot, slot)
      counts[slot] = (counts[slot] ?? 0) + 1
    }
    assert.equal(counts[1], 0)
    for (const slot of [0, 2, 3]) assert.ok((counts[slot] ?? 0) > 850, counts.join())
  })

  test('gives each engine its turn where the prompt is empty or unknown', () => {
    const view = viewOf()
    const slots = [0, 1, 2, 3].map(() => POLICY(enginesOf(4), view, { shortKey: undefined }).slot)
    assert.deepEqual(slots, [0, 1, 2, 3])
  })

  for (const [reason, why, state, cached] of [
    ['cached', 'it holds the longest prefix', {}, [9000, 0, 2000]],
    [
      'cached',
      'it holds as good as the longest prefix, and has less to do',
      { work: [40_000] },
      [9000, 8900, 0],
    ],
    ['cheaper', 'the engine with the prefix has too much to do', { work: [60_000] }, [9000, 0, 2000]],
    ['load', 'the engine with the prefix has far too many requests', { inFlight: [30, 2, 2] }, [9000, 0, 0]],
    ['hashed', 'nothing is cached', {}, []],
  ] as const)
    test(`gives the reason ${reason} if ${why}`, () => {
      const view = viewOf(state)
      POLICY(enginesOf(3), view, { prompt: promptOf(10_000, cached) })
      assert.equal(view.reason, reason)
    })

  test('gives the reason load if the prompt is too short to be cached', () => {
    const view = viewOf()
    POLICY(enginesOf(3), view)
    assert.equal(view.reason, 'load')
  })

  test('takes the only engine there is', () => {
    const only = engineOf({ slot: 3 })
    assert.equal(POLICY([only], viewOf({ inFlight: [0, 0, 0, 99] }), { prompt: promptOf(1000, []) }), only)
  })
})

suite('cache_aware with the thresholds of sglang-router', () => {
  test('counts a cached prefix only if it is a large enough share of the prompt', () => {
    const policy = cacheAware({ cacheThreshold: 0.3 })
    const reasonWith = (cached: number): string => {
      const view = viewOf()
      policy(enginesOf(3), view, { prompt: promptOf(10_000, [0, cached, 0]) })
      return view.reason
    }
    assert.deepEqual([reasonWith(3000), reasonWith(3001)], ['hashed', 'cached'])
  })

  for (const [options, limit] of [
    [{ balanceAbs: 10, balanceRel: 2 }, 20],
    [{ balanceAbs: 30 }, 40],
    [{ balanceRel: 10 }, 100],
  ] as const)
    test(`goes by load alone beyond ${JSON.stringify(options)}`, () => {
      const prompt = promptOf(1_000_000, [999_000])
      const [within, beyond] = [limit, limit + 1].map(
        load => cacheAware(options)(enginesOf(3), viewOf({ inFlight: [load, 10, 11] }), { prompt }).slot,
      )
      assert.deepEqual([within, beyond], [0, 1])
    })
})
