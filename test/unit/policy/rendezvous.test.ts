import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import type { Engine } from '../../../src/core/engine.ts'
import { mix, seededRandom } from '../../../src/core/random.ts'
import { consistentHashing, prefixHash } from '../../../src/policy/by-hash.ts'
import { engineAt } from '../../../src/policy/policy.ts'
import { viewOf } from '../../contract/policy.contract.ts'
import { engineOf, enginesOf } from '../../support/engines.ts'

const BOUND = { loadFactor: 1.25, loadMargin: 4 }
const policy = consistentHashing(BOUND)
const KEYS = Array.from({ length: 2000 }, (_, index) => mix(index))

/** What each key gets of an idle fleet. */
function urlsOf(engines: readonly Engine[], keys: readonly number[] = KEYS): string[] {
  return keys.map(key => policy(engines, viewOf([]), { key }).url)
}

function shuffled(engines: readonly Engine[], seed: number): Engine[] {
  const random = seededRandom(seed)
  return engines
    .map(engine => ({ engine, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ engine }) => engine)
}

suite('consistent_hashing', () => {
  test('chooses alike in gateways that know the same engines in another order and in other slots', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer(), fc.integer(), (count, seed, key) => {
        const engines = enginesOf(count)
        const other = shuffled(engines, seed).map(({ url }, slot) => engineOf({ url, slot: slot + 3 }))
        const [here, there] = [engines, other].map(list => policy(list, viewOf([]), { key: mix(key) }).url)
        assert.equal(here, there)
      }),
      { seed: 1 },
    )
  })

  test('moves only the keys of an engine that leaves, which are about its part of all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), (count, gone) => {
        const engines = enginesOf(count)
        const left = engines.filter(({ slot }) => slot !== gone % count)
        const [before, after] = [urlsOf(engines), urlsOf(left)]
        const moved = before.filter((url, index) => url !== after[index])
        assert.deepEqual([...new Set(moved)], [engineAt(engines, gone % count).url])
        const share = (moved.length / KEYS.length) * count
        assert.ok(share > 0.75 && share < 1.25, `${share} of the part of one of ${count}`)
      }),
      { seed: 2, numRuns: 20 },
    )
  })

  test('lets no engine have more in flight than the bound, however popular a key is', () => {
    const isHot = fc.integer({ min: 1, max: 5 })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), isHot, fc.integer(), (count, keys, seed) => {
        const engines = enginesOf(count)
        const random = seededRandom(seed)
        const loads = engines.map(() => 0)
        for (let total = 1; total <= 200; total++) {
          const key = mix(Math.floor(random() ** 2 * keys))
          const { slot } = policy(engines, viewOf(loads), { key })
          loads[slot] = (loads[slot] ?? 0) + 1
          const mean = total / count
          const limit = Math.max(Math.ceil(BOUND.loadFactor * mean), mean + BOUND.loadMargin)
          assert.ok(Math.max(...loads) <= limit, `${loads.join()} above ${limit}`)
        }
      }),
      { seed: 3 },
    )
  })

  test('sends what is too much for an engine to the next in the order of the key, and comes back', () => {
    for (const key of KEYS.slice(0, 50)) {
      const engines = enginesOf(4)
      const first = policy(engines, viewOf([]), { key })
      const rest = engines.filter(engine => engine !== first)
      const next = policy(rest, viewOf([]), { key })
      const loads = engines.map(engine => (engine === first ? 9 : 0))
      assert.equal(policy(engines, viewOf(loads), { key }), next)
      assert.equal(policy(engines, viewOf([]), { key }), first)
    }
  })

  test('gives the reason load only for what goes elsewhere because the named engine has too much', () => {
    for (const key of KEYS.slice(0, 50)) {
      const engines = enginesOf(4)
      const { slot } = policy(engines, viewOf([]), { key })
      const reasonWith = (load: number): string => {
        const view = viewOf(engines.map(engine => (engine.slot === slot ? load : 0)))
        policy(engines, view, { key })
        return view.reason
      }
      assert.deepEqual([0, 4, 5, 9].map(reasonWith), ['key', 'key', 'load', 'load'])
    }
  })

  test('sends requests without a key by load', () => {
    assert.equal(policy(enginesOf(3), viewOf([2, 1, 2]), {}).slot, 1)
    assert.equal(policy(enginesOf(3), viewOf([2, 2, 1])).slot, 2)
  })
})

test('prefix_hash sends prompts that begin alike to one engine, whatever their keys', () => {
  const byPrefix = prefixHash(BOUND)
  const engines = enginesOf(5)
  for (const prefixKey of KEYS.slice(0, 100)) {
    const chosen = byPrefix(engines, viewOf([]), { prefixKey, key: mix(prefixKey) })
    assert.equal(chosen, byPrefix(engines, viewOf([]), { prefixKey, key: 1 }))
    assert.equal(chosen, policy(engines, viewOf([]), { key: prefixKey }))
  }
  assert.equal(byPrefix(engines, viewOf([1, 1, 1, 0, 1]), { key: 1 }).slot, 3)
  const busy = viewOf(
    engines.map(engine => (engine === byPrefix(engines, viewOf([]), { prefixKey: 7 }) ? 9 : 0)),
  )
  byPrefix(engines, busy, { prefixKey: 7 })
  assert.equal(busy.reason, 'load')
})
