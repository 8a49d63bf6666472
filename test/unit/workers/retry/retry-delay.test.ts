import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { RetryDelay } from '../../../../workers/retry/retry-delay.ts'

/** A delay whose budget queue lets a retry pass at once, or only when the test calls it. */
function setUpDelay(t: TestContext, hasBudget = false) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const queued = new Set<() => void>()
  const calls: string[] = []
  const delay = new RetryDelay({
    pass: proceed => {
      if (hasBudget) proceed()
      else queued.add(proceed)
      return () => queued.delete(proceed)
    },
  })
  const start = (costsBudget: boolean): void => delay.start(100, costsBudget, () => calls.push('go'))
  return { delay, queued, calls, start, tick: (ms: number) => t.mock.timers.tick(ms) }
}

suite('RetryDelay', () => {
  test('waits for the delay only when the attempt costs no budget', t => {
    const { delay, queued, calls, start, tick } = setUpDelay(t)
    start(false)
    tick(99)
    assert.deepEqual([calls, delay.isWaiting], [[], true])
    tick(1)
    assert.deepEqual([calls, delay.isWaiting, queued.size], [['go'], false, 0])
  })

  test('queues for budget after the delay', t => {
    const { delay, queued, calls, start, tick } = setUpDelay(t)
    start(true)
    tick(100)
    assert.deepEqual([calls, delay.isWaiting, queued.size], [[], true, 1])
    for (const proceed of queued) proceed()
    assert.deepEqual([calls, delay.isWaiting], [['go'], false])
  })

  test('goes on at once when there is budget after the delay', t => {
    const { delay, calls, start, tick } = setUpDelay(t, true)
    start(true)
    tick(100)
    assert.deepEqual([calls, delay.isWaiting], [['go'], false])
  })

  test('ends during the delay', t => {
    const { delay, calls, start, tick } = setUpDelay(t)
    start(true)
    delay.end()
    tick(1000)
    assert.deepEqual([calls, delay.isWaiting], [[], false])
  })

  test('ends in the queue, which it leaves', t => {
    const { delay, queued, calls, start, tick } = setUpDelay(t)
    start(true)
    tick(100)
    delay.end()
    assert.deepEqual([calls, delay.isWaiting, queued.size], [[], false, 0])
  })

  test('can start again', t => {
    const { calls, start, tick } = setUpDelay(t)
    start(false)
    tick(100)
    start(false)
    tick(100)
    assert.deepEqual(calls, ['go', 'go'])
  })
})
