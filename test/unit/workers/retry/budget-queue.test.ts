import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { RetryBudget } from '../../../../src/resilience/retry-budget.ts'
import { RetryBudgetQueue } from '../../../../workers/retry/budget-queue.ts'

/** A queue whose budget allows one retry per window, and a clock that is moved by hand. */
function setUpQueue(t: { readonly mock: { readonly timers: TimersOf } }) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let nowMs = 0
  const queue = new RetryBudgetQueue(new RetryBudget({ share: 0, floorPerSec: 0.1 }), () => nowMs)
  const gone: number[] = []
  /** Asks for a retry as the retry loop does; the result leaves the queue. */
  const pass = (name: number): (() => void) => {
    const waiter = {
      retryNow: () => {
        const hasBudget = queue.take()
        if (hasBudget) gone.push(name)
        return hasBudget
      },
    }
    if (!waiter.retryNow()) queue.wait(waiter)
    return () => queue.leave(waiter)
  }
  /** In steps, as the window of the budget slides. */
  const wait = (ms: number): void => {
    for (let step = 0; step < ms; step += 100) {
      nowMs += 100
      t.mock.timers.tick(100)
    }
  }
  return { queue, gone, pass, wait }
}

interface TimersOf {
  enable(options: { apis: 'setInterval'[] }): void
  tick(ms: number): void
}

/** After this time the budget has its one retry again. */
const WINDOW_MS = 10_500

suite('RetryBudgetQueue', () => {
  test('lets retries pass in order of arrival, as many as the budget allows', t => {
    const { queue, gone, pass, wait } = setUpQueue(t)
    for (const name of [1, 2, 3]) pass(name)
    assert.deepEqual(gone, [1])
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 2])
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 2, 3])
    queue.close()
  })

  test('lets no retry overtake those that wait, even when there is budget', t => {
    const { queue, gone, pass } = setUpQueue(t)
    pass(1)
    pass(2)
    // The requests raise the budget, but the queue has not polled yet.
    for (let request = 0; request < 100; request++) queue.countRequest()
    pass(3)
    assert.deepEqual(gone, [1])
    queue.close()
  })

  test('goes on with the next when one leaves, and takes no budget when all have left', t => {
    const { queue, gone, pass, wait } = setUpQueue(t)
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
    queue.close()
  })

  test('lets a retry that no longer needs budget go, and those behind it wait on', t => {
    const { queue, gone, pass, wait } = setUpQueue(t)
    pass(1)
    let hasSoundPair = false
    queue.wait({ retryNow: () => hasSoundPair })
    pass(2)
    wait(1000)
    assert.deepEqual(gone, [1])
    hasSoundPair = true
    wait(1000)
    assert.deepEqual(gone, [1])
    wait(WINDOW_MS)
    assert.deepEqual(gone, [1, 2])
    queue.close()
  })

  test('calls nothing more once it is closed', t => {
    const { queue, gone, pass, wait } = setUpQueue(t)
    pass(1)
    pass(2)
    queue.close()
    wait(2 * WINDOW_MS)
    assert.deepEqual(gone, [1])
  })
})
