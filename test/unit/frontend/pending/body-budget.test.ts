import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { BodyBudget, type BudgetedUpload } from '../../../../src/frontend/pending/body-budget.ts'

const MIB = 1024 * 1024

function uploadsOf(names: string) {
  const log: string[] = []
  const uploads = names.split('').map(
    (name): BudgetedUpload => ({
      pause: () => log.push(`pause ${name}`),
      resume: () => log.push(`resume ${name}`),
    }),
  )
  const taken = (): string[] => log.splice(0)
  return { uploads, taken }
}

suite('The budget of request bodies', () => {
  test('pauses uploads beyond the limit, the oldest only when a whole body more is held', () => {
    const budget = new BodyBudget(10 * MIB, 4 * MIB)
    const { uploads, taken } = uploadsOf('abc')
    for (const upload of uploads) budget.start(upload)
    const [a, b, c] = uploads
    assert.ok(a && b && c)
    budget.hold(b, 6 * MIB)
    assert.deepEqual(taken(), [])
    budget.hold(c, 5 * MIB)
    budget.hold(a, 1 * MIB)
    assert.deepEqual(taken(), ['pause c'])
    budget.hold(b, 7 * MIB)
    assert.deepEqual(taken(), ['pause b'])
    assert.equal(budget.heldBytes, 13 * MIB)
    assert.equal(budget.isExhausted, false)
    budget.hold(a, 2 * MIB)
    assert.equal(budget.isExhausted, true)
    assert.deepEqual(taken(), ['pause a'])
  })

  test('lets uploads go on in the order of their start when room is made', () => {
    const budget = new BodyBudget(2 * MIB, MIB)
    const { uploads, taken } = uploadsOf('abcd')
    for (const upload of uploads) budget.start(upload)
    const [a, b, c, d] = uploads
    assert.ok(a && b && c && d)
    budget.hold(a, 2 * MIB)
    for (const upload of [d, c, b]) budget.hold(upload, 1000)
    assert.deepEqual(taken(), ['pause d', 'pause c', 'pause b'])
    budget.complete(a, 2 * MIB)
    assert.deepEqual(taken(), ['resume b'], 'no room, so only the oldest')
    budget.release(2 * MIB)
    assert.deepEqual(taken(), ['resume c', 'resume d'])
    assert.equal(budget.heldBytes, 3000)
  })

  test('counts every byte back, whether an upload completes, fails or is dropped while paused', () => {
    const budget = new BodyBudget(1000, 1000)
    const { uploads } = uploadsOf('abc')
    for (const upload of uploads) budget.start(upload)
    const [a, b, c] = uploads
    assert.ok(a && b && c)
    budget.hold(b, 1500)
    assert.equal(budget.isPaused(b), true)
    assert.equal(budget.largest, b)
    budget.drop(b)
    budget.drop(b)
    budget.hold(b, 1)
    budget.complete(a, 700)
    budget.complete(c, 0)
    assert.equal(budget.heldBytes, 700)
    budget.release(700)
    assert.equal(budget.heldBytes, 0)
    assert.equal(budget.largest, undefined)
  })
})
