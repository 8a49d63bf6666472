import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { ChunkedHeads } from '../../../../src/frontend/connections/chunked-heads.ts'
import type { UwsResponse } from '../../../../src/frontend/uws/uws.ts'
import { until } from '../../../support/until.ts'

/** How long a head is read from, in milliseconds. */
const TURN_MS = 1

interface FakeHead {
  readonly name: string
  readonly res: UwsResponse
  readonly sinceMs: number
  turns: number
  isPaused: boolean
  hasPeer: boolean
  isClosed: boolean
}

function headOf(name: string, sinceMs = 0): FakeHead {
  const res = {
    pause: () => void (head.isPaused = true),
    resume: () => {
      head.isPaused = false
      head.turns++
    },
    getRemoteAddressAsText: () => new ArrayBuffer(head.hasPeer ? 9 : 0),
    close: () => void (head.isClosed = true),
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no other method is called
  const fake = res as unknown as UwsResponse
  const head: FakeHead = {
    name,
    res: fake,
    sinceMs,
    turns: 0,
    isPaused: false,
    hasPeer: true,
    isClosed: false,
  }
  return head
}

function headsOf(t: TestContext): ChunkedHeads<FakeHead> {
  const heads = new ChunkedHeads<FakeHead>()
  t.after(() => heads.close())
  return heads
}

suite('Of the heads of one address that wait for their first chunk', () => {
  test('only the newest is read from, and a first chunk belongs to it', t => {
    const heads = headsOf(t)
    const [a, b, c, other] = ['a', 'b', 'c', 'other'].map(name => headOf(name))
    assert.ok(a && b && c && other)
    for (const head of [a, b, c]) heads.add('1.1.1.1', head)
    heads.add('2.2.2.2', other)
    assert.deepEqual([a.isPaused, b.isPaused, c.isPaused, other.isPaused], [true, true, false, false])
    assert.deepEqual([heads.take('1.1.1.1'), a.isPaused], [c, false])
    assert.deepEqual([heads.take('1.1.1.1'), heads.take('1.1.1.1'), heads.take('1.1.1.1')], [a, b, undefined])
  })

  test('each gets its turn again and again', async t => {
    const heads = headsOf(t)
    const all = ['a', 'b', 'c'].map(name => headOf(name))
    for (const head of all) heads.add('1.1.1.1', head)
    await until(() => all.every(({ turns }) => turns > 3))
    assert.equal(all.filter(({ isPaused }) => isPaused).length, 2)
  })

  for (const [when, arm] of [
    ['before', (timer: () => void) => timer()],
    ['after', queueMicrotask],
  ] as const)
    test(`none gets a turn after the end, which may come ${when} the timer of a turn`, async t => {
      const heads = headsOf(t)
      const [a, b] = [headOf('a'), headOf('b')]
      const closed = Promise.withResolvers<number>()
      const turnsOf = (): number => a.turns + b.turns
      const close = (): void => {
        heads.close()
        closed.resolve(turnsOf())
      }
      // The timer of the next turn is armed after this one, but before a microtask.
      a.res.resume = () => {
        a.turns++
        if (a.turns === 1) arm(() => setTimeout(close, TURN_MS))
        return a.res
      }
      for (const head of [a, b]) heads.add('1.1.1.1', head)
      const before = await closed.promise
      // As long as two more turns would take.
      for (let turn = 0; turn < 2; turn++) await pause(TURN_MS).then(() => nextTurn())
      assert.equal(turnsOf(), before)
    })

  test('those whose connection has ended are forgotten, and those that are about to end are closed with them', t => {
    const heads = headsOf(t)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => headOf(name))
    assert.ok(a && b && c && d)
    for (const head of [a, b, c, d]) {
      heads.add('1.1.1.1', head)
      heads.onConnectionClosed('1.1.1.1', () => false)
    }
    for (const head of [a, d, c]) head.hasPeer = false
    heads.onConnectionClosed('1.1.1.1', () => false)
    assert.deepEqual([a.isClosed, b.isClosed, c.isClosed, d.isClosed], [true, false, true, true])
    assert.deepEqual([heads.take('1.1.1.1'), b.isPaused, heads.take('1.1.1.1')], [b, false, undefined])
    assert.deepEqual([a.turns, c.turns, d.turns], [0, 0, 0])
  })

  test('all are closed if the descriptor of an ended connection belongs to another one already', t => {
    const heads = headsOf(t)
    const [a, b, other] = ['a', 'b', 'other'].map(name => headOf(name))
    assert.ok(a && b && other)
    for (const head of [a, b]) heads.add('1.1.1.1', head)
    heads.add('2.2.2.2', other)
    heads.onConnectionClosed('1.1.1.1', () => true)
    assert.deepEqual([a.isClosed, b.isClosed, other.isClosed], [true, true, false])
    assert.deepEqual([heads.take('1.1.1.1'), heads.take('2.2.2.2')], [undefined, other])
    assert.deepEqual([a.turns, b.turns], [0, 0])
  })

  test('the overdue ones are handed out once', t => {
    const heads = headsOf(t)
    const [a, b, c] = [headOf('a', 1), headOf('b', 3), headOf('c', 2)]
    for (const head of [a, b, c]) heads.add('1.1.1.1', head)
    assert.deepEqual(new Set(heads.takeOverdue(2)), new Set([a, c]))
    assert.deepEqual(heads.takeOverdue(2), [])
    assert.deepEqual([heads.take('1.1.1.1'), b.isPaused], [b, false])
  })

  test('the oldest is handed out when there are more than 256', t => {
    const heads = headsOf(t)
    const all = Array.from({ length: 258 }, (_, index) => headOf(String(index), index))
    const surplus = all.map(head => heads.add('1.1.1.1', head))
    assert.deepEqual(surplus.slice(-2), [all[0], all[1]])
    assert.ok(surplus.slice(0, -2).every(head => head === undefined))
  })
})
