import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RetryBudget } from '../../../../src/resilience/retry-budget.ts'
import { RetryBudgetQueue } from '../../../../workers/retry/budget-queue.ts'

/** A gate whose budget lets one retry through a second, and a clock that is moved by hand. */
function gateOf(t: { readonly mock: { readonly timers: TimersOf } }) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let nowMs = 0
  const gate = new RetryBudgetQueue(new RetryBudget({ share: 0, floorPerSec: 0.1 }), () => nowMs)
  const gone: number[] = []
  const pass = (name: number): (() => void) => gate.pass(() => gone.push(name))
  /** In steps, as the window of the budget slides. */
  const wait = (ms: number): void => {
    for (let step = 0; step < ms; step += 100) {
      nowMs += 100
      t.mock.timers.tick(100)
    }
  }
  return { gate, gone, pass, wait }
}

interface TimersOf {
  enable(options: { apis: 'setInterval'[] }): void
  tick(ms: number): void
}

/** After which the budget has its one retry again. */
const WINDOW_MS = 10_500

suite('RetryGate', () => {
  test('lets retries through in the order of their coming, one for each that the budget has', t => {
    const { gate, gone, pass, wait } = gateOf(t)
    for (const name of [1, 2, 3]) pass(name)
    assert.deepEqual(gone, [1])
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 2])
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 2, 3])
    gate.close()
  })

  test('lets nobody pass by those who wait, though there is budget', t => {
    const { gate, gone, pass } = gateOf(t)
    pass(1)
    pass(2)
    // Ten requests a second would allow more; the line has not looked yet.
    for (let each = 0; each < 100; each++) gate.countRequest()
    pass(3)
    assert.deepEqual(gone, [1])
    gate.close()
  })

  test('goes on with the next when one leaves the line, and costs nothing when all have left', t => {
    const { gate, gone, pass, wait } = gateOf(t)
    pass(1)
    const [second, third] = [pass(2), pass(3)]
    second()
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 3])
    third()
    const fourth = pass(4)
    fourth()
    wait(WINDOW_MS)
    pass(5)
    assert.deepEqual(gone, [1, 3, 5])
    gate.close()
  })

  test('says nothing more once it is closed', t => {
    const { gate, gone, pass, wait } = gateOf(t)
    pass(1)
    pass(2)
    gate.close()
    wait(2 * WINDOW_MS)
    assert.deepEqual(gone, [1])
  })
})
