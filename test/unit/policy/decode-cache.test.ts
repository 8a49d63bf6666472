import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeCache } from '../../../src/policy/decode-cache.ts'
import type { PolicyView, PromptView } from '../../../src/policy/policy.ts'
import { viewOf } from '../../contract/policy.contract.ts'
import { engineOf, enginesOf } from '../../support/engines.ts'

const PROMPT_BYTES = 10_000

function promptHeld(held: readonly number[]): PromptView {
  return { bytes: PROMPT_BYTES, cachedBytes: slot => held[slot] ?? 0, keyAfter: () => 0 }
}

/** Which slots are chosen in 20 turns, and why. */
function chosen(
  work: readonly number[],
  held: readonly number[],
  engines = enginesOf(work.length),
): { readonly slots: readonly number[]; readonly reason: string } {
  const view: PolicyView = { ...viewOf([]), work: slot => work[slot] ?? 0 }
  const slots = new Set<number>()
  for (let turn = 0; turn < 20; turn++)
    slots.add(decodeCache(engines, view, { prompt: promptHeld(held) }).slot)
  return { slots: [...slots].toSorted((a, b) => a - b), reason: view.reason }
}

suite('cache_aware for decode engines', () => {
  test('chooses the engine that holds most of the prompt among those with about the same load', () => {
    assert.deepEqual(chosen([0, 0, 0], [0, 4000, 1000]), { slots: [1], reason: 'cached' })
    assert.deepEqual(chosen([0, 0, 0], [0, 4000, 3700]), { slots: [1, 2], reason: 'cached' })
  })

  test('goes by load where nobody holds anything, or who does has more to do by more than the request', () => {
    assert.deepEqual(chosen([0, 0, 0], [0, 0, 0]), { slots: [0, 1, 2], reason: 'load' })
    assert.deepEqual(chosen([5000, 0, 9000], [0, 0, 0]), { slots: [1], reason: 'load' })
    assert.deepEqual(chosen([0, PROMPT_BYTES, 0], [0, 9000, 0]), { slots: [1], reason: 'cached' })
    assert.deepEqual(chosen([0, 2 * PROMPT_BYTES, 0], [0, 9000, 0]), { slots: [0, 2], reason: 'load' })
  })

  test('compares shares of KV caches if all report their size', () => {
    const sized = [engineOf({ slot: 0, kvTokens: 1000 }), engineOf({ slot: 1, kvTokens: 100 })]
    assert.deepEqual(chosen([20_000, 2 * PROMPT_BYTES], [0, 9000], sized), { slots: [0], reason: 'load' })
    assert.deepEqual(chosen([200_000, 2 * PROMPT_BYTES], [0, 9000], sized), { slots: [1], reason: 'cached' })
  })

  test('goes by load if nothing is known of the prompt', () => {
    const view: PolicyView = { ...viewOf([]), work: slot => [5, 0][slot] ?? 0 }
    for (const request of [undefined, {}]) assert.equal(decodeCache(enginesOf(2), view, request).slot, 1)
  })
})
