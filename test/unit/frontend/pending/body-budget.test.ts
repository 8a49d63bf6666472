import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  BodyBudget,
  type BudgetedUpload,
  SMALL_BODY_BYTES,
} from '../../../../src/frontend/pending/body-budget.ts'

const MIB = 1024 * 1024
/** The shares are 4 MiB for small bodies, 4 for those that wait, 8 for large ones. */
const LIMIT = 16 * MIB

function uploadsOf(names: string) {
  const log: string[] = []
  const uploads = names.split('').map(
    (name): BudgetedUpload => ({
      pause: () => log.push(`pause ${name}`),
      resume: () => log.push(`resume ${name}`),
    }),
  )
  const [a, b, c, d] = uploads
  assert.ok(a && b && c && d)
  const taken = (): string[] => log.splice(0)
  return { a, b, c, d, taken }
}

suite('The budget of request bodies', () => {
  test('grants a large body its whole length, and pauses those that do not fit', () => {
    const budget = new BodyBudget(LIMIT)
    const { a, b, c, d, taken } = uploadsOf('abcd')
    assert.ok(budget.start(a, 5 * MIB, true))
    assert.ok(budget.start(b, 4 * MIB, true))
    assert.ok(budget.start(c, 4 * MIB, true))
    assert.deepEqual(taken(), ['pause b', 'pause c'])
    assert.ok(budget.start(d, 2 * MIB, true))
    assert.deepEqual(taken(), [], 'fits, so it overtakes')
    assert.equal(budget.heldBytes, 7 * MIB)
    assert.deepEqual([...budget.granted()], [a, d])
    budget.complete(a, 5 * MIB)
    assert.deepEqual(taken(), [], 'its bytes are held until they are released')
    budget.release(5 * MIB)
    assert.deepEqual(taken(), ['resume b'])
    assert.deepEqual([...budget.granted()], [d, b])
  })

  test('grants a body larger than the share when no other is granted', () => {
    const budget = new BodyBudget(LIMIT)
    const { a, b, taken } = uploadsOf('abcd')
    budget.start(a, MIB, true)
    budget.start(b, 20 * MIB, true)
    assert.deepEqual(taken(), ['pause b'])
    budget.drop(a)
    assert.deepEqual(taken(), ['resume b'])
  })

  test('leaves room for small bodies, however many large ones wait', () => {
    const budget = new BodyBudget(LIMIT)
    const { a } = uploadsOf('abcd')
    budget.start(a, 64 * MIB, true)
    for (let index = 0; index < 1000; index++)
      budget.start({ pause: () => undefined, resume: () => undefined }, 64 * MIB, true)
    let small = 0
    while (budget.start({ pause: () => undefined, resume: () => undefined }, SMALL_BODY_BYTES, true)) small++
    assert.equal(small, 16)
  })

  test('counts a body of unknown length as large once it is, with the limit of its length', () => {
    const budget = new BodyBudget(LIMIT)
    const { a, b, taken } = uploadsOf('abcd')
    for (const upload of [a, b]) assert.ok(budget.start(upload, 8 * MIB, false))
    assert.equal(budget.heldBytes, 2 * SMALL_BODY_BYTES)
    assert.ok(budget.hold(a, 1000))
    assert.ok(budget.hold(a, MIB))
    assert.equal(budget.heldBytes, 8 * MIB + SMALL_BODY_BYTES)
    assert.ok(budget.hold(b, MIB))
    assert.deepEqual(taken(), ['pause b'])
    budget.complete(a, 2 * MIB)
    budget.release(2 * MIB)
    assert.deepEqual(taken(), ['resume b'])
  })

  test('refuses a paused upload that brings more than its share', () => {
    const budget = new BodyBudget(LIMIT)
    const { a, b, c } = uploadsOf('abcd')
    for (const upload of [a, b, c]) budget.start(upload, 8 * MIB, true)
    assert.ok(budget.hold(b, 3 * MIB))
    assert.ok(!budget.hold(c, 2 * MIB))
  })

  test('counts every byte back, whether an upload completes, fails or is dropped while paused', () => {
    const budget = new BodyBudget(LIMIT)
    const { a, b, c, d } = uploadsOf('abcd')
    budget.start(a, 8 * MIB, true)
    budget.start(b, 8 * MIB, true)
    budget.start(c, 700, true)
    budget.start(d, 8 * MIB, false)
    budget.hold(b, MIB)
    assert.equal(budget.isPaused(b), true)
    budget.drop(b)
    budget.drop(b)
    budget.hold(b, 1)
    budget.complete(a, 7 * MIB)
    budget.complete(c, 700)
    budget.complete(d, 10)
    assert.equal(budget.heldBytes, 7 * MIB + 710)
    for (const bytes of [7 * MIB, 700, 10]) budget.release(bytes)
    assert.equal(budget.heldBytes, 0)
  })
})
