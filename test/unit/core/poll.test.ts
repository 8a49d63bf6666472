import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Poll, pollUntil } from '../../../src/core/poll.ts'

suite('A poll', () => {
  test('calls its step at its interval until it is stopped', t => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    let steps = 0
    const poll = new Poll(20, () => steps++)
    t.mock.timers.tick(100)
    assert.equal(steps, 0)
    poll.start()
    poll.start()
    t.mock.timers.tick(60)
    assert.equal(steps, 3)
    poll.stop()
    t.mock.timers.tick(60)
    assert.equal(steps, 3)
    poll.start()
    t.mock.timers.tick(20)
    assert.equal(steps, 4)
    poll.stop()
  })
})

suite('Polling for a condition', () => {
  test('ends as soon as a poll finds it met', async () => {
    let polls = 0
    assert.equal(await pollUntil(() => ++polls === 3, 1, 60_000), true)
    assert.equal(polls, 3)
  })

  test('gives up after its limit', async () => {
    assert.equal(await pollUntil(() => false, 1, 0), false)
  })
})
