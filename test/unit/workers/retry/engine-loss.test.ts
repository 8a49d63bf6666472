import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { EngineLosses } from '../../../../workers/retry/engine-loss.ts'

const HOLD_MS = 1000

function lossesOf(answers: Map<number, number>, ...slots: readonly number[]): EngineLosses {
  const losses = new EngineLosses(slot => answers.get(slot) ?? 0, HOLD_MS)
  for (const [index, slot] of slots.entries()) losses.add(slot, index * 100)
  return losses
}

suite('EngineLosses', () => {
  test('waits for nothing after one loss', () => {
    assert.equal(lossesOf(new Map(), 1).signOfLifeLeftMs(0), undefined)
  })

  test('waits after the second loss, counted from that one', () => {
    const losses = lossesOf(new Map(), 1, 2)
    assert.equal(losses.signOfLifeLeftMs(100), HOLD_MS)
    assert.equal(losses.signOfLifeLeftMs(100 + HOLD_MS), 0)
  })

  test('takes the same engine lost twice for two losses', () => {
    assert.equal(lossesOf(new Map(), 1, 1).signOfLifeLeftMs(150), HOLD_MS - 50)
  })

  for (const alive of [1, 2])
    test(`waits no longer once engine ${alive} of two has answered another request`, () => {
      const answers = new Map([[alive, 7]])
      const losses = lossesOf(answers, 1, 2)
      answers.set(alive, 8)
      assert.equal(losses.signOfLifeLeftMs(150), undefined)
    })

  test('waits again when a third engine is lost while one of the others may have ended', () => {
    const answers = new Map<number, number>()
    const losses = lossesOf(answers, 1, 2)
    answers.set(1, 1)
    assert.equal(losses.signOfLifeLeftMs(150), undefined)
    losses.add(3, 500)
    assert.equal(losses.signOfLifeLeftMs(600), HOLD_MS - 100)
    answers.set(2, 1)
    assert.equal(losses.signOfLifeLeftMs(700), undefined)
  })
})
