import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { SocketBudget, type SocketPool } from '../../../../workers/upstream/socket-budget.ts'
import { connectionsPerThread, socketsOf } from '../../../../workers/upstream/socket-limits.ts'

/** A pool with so many idle connections that wants `wanted` more. */
class FakePool implements SocketPool {
  readonly #budget: SocketBudget
  idle = 0
  wanted = 0
  open = 0

  constructor(budget: SocketBudget) {
    this.#budget = budget
    budget.join(this)
  }

  want(): boolean {
    const isGiven = this.#budget.tryTake(this)
    if (isGiven) this.open++
    else this.wanted++
    return isGiven
  }

  close(): void {
    this.open--
    this.#budget.giveBack()
  }

  dropOldestIdle(): boolean {
    if (this.idle === 0) return false
    this.idle--
    this.close()
    return true
  }

  onRoom(): void {
    while (this.wanted > 0 && this.#budget.tryTake(this)) {
      this.wanted--
      this.open++
    }
  }
}

suite('SocketBudget', () => {
  test('gives so many connections and no more, over all pools', () => {
    const budget = new SocketBudget(2)
    const [a, b] = [new FakePool(budget), new FakePool(budget)]
    assert.deepEqual([a.want(), b.want(), a.want(), b.want()], [true, true, false, false])
    assert.ok(budget.isShort)
    b.close()
    assert.deepEqual([a.open, b.open, budget.open], [2, 0, 2])
    a.close()
    a.close()
    assert.deepEqual([a.open, b.open], [0, 1])
    assert.ok(!budget.isShort)
  })

  test('closes what another pool has idle', () => {
    const budget = new SocketBudget(2)
    const [a, b] = [new FakePool(budget), new FakePool(budget)]
    a.want()
    a.want()
    a.idle = 1
    assert.ok(b.want())
    assert.deepEqual([a.open, b.open, budget.open], [1, 1, 2])
  })

  test('passes over a pool whose wish is gone', () => {
    const budget = new SocketBudget(1)
    const [a, b, c] = [new FakePool(budget), new FakePool(budget), new FakePool(budget)]
    a.want()
    b.want()
    c.want()
    b.wanted = 0
    a.close()
    assert.deepEqual([b.open, c.open], [0, 1])
  })
})

for (const [maxSockets, workers, sockets, legs] of [
  [0, 2, Infinity, Infinity],
  [100, 2, 50, 46],
  [4, 2, 6, 2],
] as const)
  test(`${maxSockets} connections for ${workers} threads are ${sockets} each, ${legs} of them for legs`, () => {
    const config = configSchema.parse({ upstream: { maxSockets }, server: { workers } })
    assert.deepEqual([socketsOf(config), connectionsPerThread(config)], [sockets, legs])
  })
