import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { ClientExchange } from '../../../../src/frontend/exchanges/client-exchange.ts'
import { Quarantine } from '../../../../src/frontend/exchanges/quarantine.ts'

interface Fake {
  readonly receivedMs: number
  isDone: boolean
  isUnstarted: boolean
}

function setup(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const opened: number[] = []
  const givenUp: number[] = []
  const clock = { nowMs: 0, hasThread: true }
  const quarantine = new Quarantine({
    nowMs: () => clock.nowMs,
    hasThread: () => clock.hasThread,
    open: ({ receivedMs }) => opened.push(receivedMs),
    giveUp: ({ receivedMs }) => givenUp.push(receivedMs),
  })
  const pass = (ms: number): void => {
    for (let step = 0; step < ms; step += 20) {
      clock.nowMs += 20
      t.mock.timers.tick(20)
    }
  }
  const fakes = [1, 2, 3].map((receivedMs): Fake => ({ receivedMs, isDone: false, isUnstarted: true }))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields that the quarantine reads
  const exchanges = fakes as unknown as ClientExchange[]
  return { quarantine, opened, givenUp, clock, pass, fakes, exchanges }
}

suite('Quarantine', () => {
  test('opens the newest request first, and the next one when that has passed', t => {
    const { quarantine, opened, pass, exchanges } = setup(t)
    quarantine.add(exchanges)
    pass(100)
    assert.deepEqual(opened, [3])
    pass(1000)
    assert.deepEqual(opened, [3, 2])
    pass(3000)
    assert.deepEqual(opened, [3, 2, 1])
  })

  test('continues at once when the isolated request has started or is done', t => {
    const { quarantine, opened, pass, fakes, exchanges } = setup(t)
    quarantine.add(exchanges)
    pass(20)
    for (const fake of fakes.slice(2)) fake.isUnstarted = false
    pass(20)
    assert.deepEqual(opened, [3, 2])
    for (const fake of fakes) fake.isDone = true
    pass(2000)
    assert.deepEqual(opened, [3, 2])
  })

  test('opens all other requests when the thread of the isolated one dies', t => {
    const { quarantine, opened, pass, exchanges } = setup(t)
    quarantine.add(exchanges)
    pass(20)
    assert.equal(quarantine.endIsolation(exchanges.slice(0, 2)), false)
    assert.equal(quarantine.endIsolation(exchanges.slice(2)), true)
    quarantine.release()
    assert.deepEqual(opened, [3, 1, 2])
  })

  test('waits for a thread, and gives up after 30 s', t => {
    const { quarantine, opened, givenUp, clock, pass, exchanges } = setup(t)
    clock.hasThread = false
    quarantine.add(exchanges)
    pass(29_000)
    assert.deepEqual([opened, givenUp], [[], []])
    pass(2000)
    assert.deepEqual([opened, givenUp], [[], [1, 2, 3]])
  })
})
