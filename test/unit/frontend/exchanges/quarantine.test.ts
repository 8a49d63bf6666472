import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { Exchange } from '../../../../src/frontend/exchanges/exchange.ts'
import { Suspects } from '../../../../src/frontend/exchanges/quarantine.ts'

interface Fake {
  readonly sinceMs: number
  isOver: boolean
  isUnanswered: boolean
}

function line(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const opened: number[] = []
  const givenUp: number[] = []
  const clock = { nowMs: 0, hasThread: true }
  const suspects = new Suspects({
    nowMs: () => clock.nowMs,
    hasThread: () => clock.hasThread,
    open: ({ sinceMs }) => opened.push(sinceMs),
    giveUp: ({ sinceMs }) => givenUp.push(sinceMs),
  })
  const pass = (ms: number): void => {
    for (let step = 0; step < ms; step += 20) {
      clock.nowMs += 20
      t.mock.timers.tick(20)
    }
  }
  const fakes = [1, 2, 3].map((sinceMs): Fake => ({ sinceMs, isOver: false, isUnanswered: true }))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that a suspect is asked
  const exchanges = fakes as unknown as Exchange[]
  return { suspects, opened, givenUp, clock, pass, fakes, exchanges }
}

suite('Suspects', () => {
  test('opens the newest first, and the next when that one has passed', t => {
    const { suspects, opened, pass, exchanges } = line(t)
    suspects.add(exchanges)
    pass(100)
    assert.deepEqual(opened, [3])
    pass(1000)
    assert.deepEqual(opened, [3, 2])
    pass(3000)
    assert.deepEqual(opened, [3, 2, 1])
  })

  test('goes on at once when the one on trial has an answer or is gone', t => {
    const { suspects, opened, pass, fakes, exchanges } = line(t)
    suspects.add(exchanges)
    pass(20)
    for (const fake of fakes.slice(2)) fake.isUnanswered = false
    pass(20)
    assert.deepEqual(opened, [3, 2])
    for (const fake of fakes) fake.isOver = true
    pass(2000)
    assert.deepEqual(opened, [3, 2])
  })

  test('opens all others when the thread of the one on trial has died', t => {
    const { suspects, opened, pass, exchanges } = line(t)
    suspects.add(exchanges)
    pass(20)
    assert.equal(suspects.endTrial(exchanges.slice(0, 2)), false)
    assert.equal(suspects.endTrial(exchanges.slice(2)), true)
    suspects.release()
    assert.deepEqual(opened, [3, 1, 2])
  })

  test('waits for a thread, and gives up in the end', t => {
    const { suspects, opened, givenUp, clock, pass, exchanges } = line(t)
    clock.hasThread = false
    suspects.add(exchanges)
    pass(29_000)
    assert.deepEqual([opened, givenUp], [[], []])
    pass(2000)
    assert.deepEqual([opened, givenUp], [[], [1, 2, 3]])
  })
})
