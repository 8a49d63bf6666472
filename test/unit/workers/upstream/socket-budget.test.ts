import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { SocketBudget, type SocketPool } from '../../../../workers/upstream/socket-budget.ts'
import { connectionsPerThread, socketsOf } from '../../../../workers/upstream/socket-limits.ts'

/** A pool with `idle` idle connections that waits for `wanted` more. */
class FakePool implements SocketPool {
  readonly #budget: SocketBudget
  idle = 0
  wanted = 0
  open = 0

  constructor(budget: SocketBudget) {
    this.#budget = budget
    budget.register(this)
  }

  want(): boolean {
    const taken = this.#budget.tryTake(this)
    if (taken) this.open++
    else this.wanted++
    return taken
  }

  close(): void {
    this.open--
    this.#budget.release()
  }

  closeOldestIdle(): boolean {
    if (this.idle === 0) return false
    this.idle--
    this.close()
    return true
  }

  onSocketAvailable(): void {
    while (this.wanted > 0 && this.#budget.tryTake(this)) {
      this.wanted--
      this.open++
    }
  }
}

suite('SocketBudget', () => {
  test('never exceeds the limit over all pools', () => {
    const budget = new SocketBudget(2)
    const [a, b] = [new FakePool(budget), new FakePool(budget)]
    assert.deepEqual([a.want(), b.want(), a.want(), b.want()], [true, true, false, false])
    assert.ok(budget.isExhausted)
    b.close()
    assert.deepEqual([a.open, b.open, budget.open], [2, 0, 2])
    a.close()
    a.close()
    assert.deepEqual([a.open, b.open], [0, 1])
    assert.ok(!budget.isExhausted)
  })

  test('closes an idle connection of another pool', () => {
    const budget = new SocketBudget(2)
    const [a, b] = [new FakePool(budget), new FakePool(budget)]
    a.want()
    a.want()
    a.idle = 1
    assert.ok(b.want())
    assert.deepEqual([a.open, b.open, budget.open], [1, 1, 2])
  })

  test('skips a pool that no longer wants a connection', () => {
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
  test(`divides ${maxSockets} connections among ${workers} threads: ${sockets} each, ${legs} of them for legs`, () => {
    const config = configSchema.parse({ upstream: { maxSockets }, server: { workers } })
    assert.deepEqual([socketsOf(config), connectionsPerThread(config)], [sockets, legs])
  })
