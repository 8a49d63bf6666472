import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { RetryPause } from '../../../../workers/retry/retry-pause.ts'

/** A pause whose budget queue lets a retry pass at once, or only when the test calls it. */
function setUpPause(t: TestContext, hasBudget = false) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const queued = new Set<() => void>()
  const calls: string[] = []
  const pause = new RetryPause({
    pass: proceed => {
      if (hasBudget) proceed()
      else queued.add(proceed)
      return () => queued.delete(proceed)
    },
  })
  const start = (costsBudget: boolean): void => pause.start(100, costsBudget, () => calls.push('go'))
  return { pause, queued, calls, start, tick: (ms: number) => t.mock.timers.tick(ms) }
}

suite('RetryPause', () => {
  test('waits for the delay only when the attempt costs no budget', t => {
    const { pause, queued, calls, start, tick } = setUpPause(t)
    start(false)
    tick(99)
    assert.deepEqual([calls, pause.isWaiting], [[], true])
    tick(1)
    assert.deepEqual([calls, pause.isWaiting, queued.size], [['go'], false, 0])
  })

  test('queues for budget after the delay', t => {
    const { pause, queued, calls, start, tick } = setUpPause(t)
    start(true)
    tick(100)
    assert.deepEqual([calls, pause.isWaiting, queued.size], [[], true, 1])
    for (const proceed of queued) proceed()
    assert.deepEqual([calls, pause.isWaiting], [['go'], false])
  })

  test('goes on at once when there is budget after the delay', t => {
    const { pause, calls, start, tick } = setUpPause(t, true)
    start(true)
    tick(100)
    assert.deepEqual([calls, pause.isWaiting], [['go'], false])
  })

  test('ends during the delay', t => {
    const { pause, calls, start, tick } = setUpPause(t)
    start(true)
    pause.end()
    tick(1000)
    assert.deepEqual([calls, pause.isWaiting], [[], false])
  })

  test('ends in the queue, which it leaves', t => {
    const { pause, queued, calls, start, tick } = setUpPause(t)
    start(true)
    tick(100)
    pause.end()
    assert.deepEqual([calls, pause.isWaiting, queued.size], [[], false, 0])
  })

  test('can start again', t => {
    const { calls, start, tick } = setUpPause(t)
    start(false)
    tick(100)
    start(false)
    tick(100)
    assert.deepEqual(calls, ['go', 'go'])
  })
})
