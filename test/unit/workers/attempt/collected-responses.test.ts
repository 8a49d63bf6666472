import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CollectedResponses } from '../../../../workers/attempt/collected-responses.ts'

const FREE_BYTES = 16_384

function open(limitBytes: number) {
  const givenUp: number[] = []
  const held = new CollectedResponses({ limitBytes, giveUp: id => givenUp.push(id) })
  return { held, givenUp }
}

/** An attempt that receives its response in pieces of 8 KiB. */
function receive(held: CollectedResponses, id: number, bytes: number): void {
  for (let received = 8192; received <= bytes; received += 8192) held.hold(id, received, 8192)
}

suite('The responses that a thread collects', () => {
  test('do not count before an attempt holds more than most do', () => {
    const { held, givenUp } = open(1000)
    for (let id = 0; id < 100; id++) receive(held, id, FREE_BYTES)
    assert.deepEqual([held.heldBytes, givenUp], [0, []])
  })

  test('are given up beyond the limit, the largest first, so that smaller ones stay', () => {
    const { held, givenUp } = open(400_000)
    receive(held, 1, 100 * 1024)
    receive(held, 2, 200 * 1024)
    assert.deepEqual(givenUp, [])
    receive(held, 3, 150 * 1024)
    assert.deepEqual(givenUp, [2])
    assert.ok(held.heldBytes <= 400_000)
    receive(held, 3, 400 * 1024)
    assert.deepEqual(givenUp, [2, 3], 'the newest is given up if it is the largest')
  })

  test('count for their exchange, whose attempts may be many', () => {
    const { held, givenUp } = open(100_000)
    for (let part = 0; part < 10; part++) receive(held, 1, FREE_BYTES + 8192)
    assert.equal(held.heldBytes, 10 * 8192)
    receive(held, 2, FREE_BYTES + 16_384)
    receive(held, 1, FREE_BYTES + 8192)
    assert.deepEqual(givenUp, [1])
  })

  test('count as a whole when they are kept for other parts of their request', () => {
    const { held, givenUp } = open(1_000_000)
    for (let part = 0; part < 1000 && givenUp.length === 0; part++) held.keep(7, 2000)
    assert.deepEqual(givenUp, [7])
  })

  test('are free when their attempt has failed or their exchange has ended', () => {
    const { held } = open(1_000_000)
    receive(held, 1, 80 * 1024)
    held.release(1, 80 * 1024)
    assert.equal(held.heldBytes, 0)
    held.release(2, 10)
    receive(held, 1, 80 * 1024)
    receive(held, 2, 80 * 1024)
    held.end(1)
    assert.equal(held.heldBytes, 80 * 1024 - FREE_BYTES)
    held.end(2)
    held.end(3)
    assert.equal(held.heldBytes, 0)
  })
})
