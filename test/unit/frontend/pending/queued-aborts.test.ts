import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AdmissionQueue, Ticket } from '../../../../src/frontend/admission/queue.ts'
import { findRoute } from '../../../../src/frontend/intake/routes.ts'
import { newPendingRequest, type PendingRequest } from '../../../../src/frontend/pending/pending-request.ts'
import { QueuedAborts } from '../../../../src/frontend/pending/queued-aborts.ts'
import { FakeUwsResponse } from '../../../support/fake-uws.ts'
import { requestHead } from '../../../support/request-head.ts'

/** A queue, and turns of the event loop that pass one by one. */
function setUpAborts(maxPrompts = 8) {
  const queue = new AdmissionQueue<PendingRequest>({ queueSize: Infinity, queueBytes: Infinity })
  const turns: (() => void)[] = []
  const ended: PendingRequest[] = []
  let nowMs = 0
  const aborts = new QueuedAborts({
    maxPrompts,
    queued: () => queue.all(),
    onAborted(pending) {
      if (pending.ticket !== undefined) queue.remove(pending.ticket)
      ended.push(pending)
    },
    nowMs: () => nowMs,
    nextTurn: run => turns.push(run),
  })
  const add = (body: Uint8Array | object, path = '/generate'): PendingRequest => {
    const route = findRoute(path)
    if (route?.kind !== 'exchange') throw new TypeError(`${path} has no exchange`)
    const pending = newPendingRequest(new FakeUwsResponse().asResponse(), requestHead(), route, 0)
    pending.body = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
    pending.ticket = new Ticket(pending, 'normal', pending.body.length, ++nowMs)
    queue.add(pending.ticket)
    return pending
  }
  /** Passes turns until nothing is left to do, and returns their number. `check` runs after each. */
  const passAll = (check: () => void = () => undefined): number => {
    let passed = 0
    for (let run = turns.shift(); run !== undefined; run = turns.shift()) {
      run()
      check()
      passed++
    }
    return passed
  }
  return { aborts, queue, ended, add, passAll }
}

/** A function that returns by how much `count` has grown since its last call. */
function growthOf(count: () => number): () => number {
  let before = count()
  return () => {
    const now = count()
    const growth = now - before
    before = now
    return growth
  }
}

suite('Many large bodies', () => {
  const BODY = Buffer.from(JSON.stringify({ text: 'x'.repeat(262_100), rid: 'mine' }))
  /** Of 256 KiB: 1 MiB, and the last may exceed it. */
  const SEARCHED_IN_TURN = 5
  const ENDED_IN_TURN = 65

  test('are searched a few in a turn, each once, however many orders come', () => {
    const { aborts, ended, add, passAll } = setUpAborts()
    const requests = Array.from({ length: 1000 }, () => add(BODY))
    const searched = growthOf(() => requests.filter(({ ridText }) => ridText !== undefined).length)
    for (let order = 0; order < 10; order++) aborts.add({ rid: `other-${order}` })
    const first = searched()
    assert.ok(first > 0 && first <= SEARCHED_IN_TURN, `${first} in the turn of the orders`)
    let all = first
    const turns = passAll(() => {
      const growth = searched()
      assert.ok(growth <= SEARCHED_IN_TURN, `${growth} in one turn`)
      all += growth
    })
    assert.equal(all, 1000)
    assert.ok(turns >= 200)
    for (let order = 0; order < 10; order++) aborts.add({ rid: `other-${order}` })
    const later = passAll()
    assert.ok(later <= 10, `${later} turns once all names are known`)
    assert.deepEqual(ended, [])
  })

  test('leave the queue some in a turn, too', () => {
    const { aborts, queue, ended, add, passAll } = setUpAborts()
    for (let index = 0; index < 1000; index++) add(BODY)
    aborts.add({ rid: 'another' })
    passAll()
    const left = growthOf(() => ended.length)
    const check = (): void => {
      const growth = left()
      assert.ok(growth <= ENDED_IN_TURN, `${growth} in one turn`)
    }
    aborts.add({ rid: 'mine' })
    check()
    passAll(check)
    assert.deepEqual([ended.length, queue.length], [1000, 0])
    assert.ok(ended.every(({ aborted }) => aborted === 'all'))
  })

  test('are not searched if all requests are aborted, and a request that gets its turn meanwhile is aborted, too', () => {
    const { aborts, queue, ended, add, passAll } = setUpAborts()
    const requests = Array.from({ length: 1000 }, () => add(BODY))
    aborts.add({ rid: undefined })
    const later = add(BODY)
    const inTurn = requests.at(-1)
    assert.ok(inTurn?.ticket && queue.remove(inTurn.ticket))
    aborts.onTurn(inTurn)
    assert.equal(inTurn.aborted, 'all')
    passAll()
    assert.deepEqual([ended.length, queue.length], [999, 1])
    assert.ok(requests.every(({ ridText }) => ridText === undefined))
    aborts.onTurn(later)
    assert.deepEqual(later.aborted, [], 'it came after the order')
  })

  test('of more than 256 KiB are not searched: their router threads do that', () => {
    const { aborts, ended, add, passAll } = setUpAborts()
    add({ text: 'x'.repeat(300_000), rid: 'mine' })
    aborts.add({ rid: 'mine' })
    passAll()
    assert.deepEqual(ended, [])
  })
})

suite('An order', () => {
  test('ends at once what is found in its own turn', () => {
    const { aborts, ended, add } = setUpAborts()
    add({ rid: 'a' })
    const named = add({ rid: 'b' })
    aborts.add({ rid: 'b' })
    assert.deepEqual(ended, [named])
  })

  test('that comes in the same turn as another waits for the next, and holds for what was queued before the order', () => {
    const { aborts, ended, add, passAll } = setUpAborts()
    const named = add({ rid: 'b' })
    aborts.add({ rid: 'a' })
    aborts.add({ rid: 'b' })
    add({ rid: 'b' })
    assert.deepEqual(ended, [])
    passAll()
    assert.deepEqual(ended, [named])
  })

  for (const [path, key, other] of [
    ['/generate', 'rid', 'request_id'],
    ['/v1/completions', 'rid', 'request_id'],
    ['/v1/chat/completions', 'rid', 'request_id'],
    ['/v1/responses', 'request_id', 'rid'],
    ['/v1/messages', undefined, 'rid'],
  ] as const)
    test(`goes by ${key ?? 'no member'} of ${path}, not by ${other}`, () => {
      const { aborts, ended, add, passAll } = setUpAborts()
      add({ [other]: 'mine' }, path)
      const named = key === undefined ? [] : [add({ [key]: 'mine' }, path)]
      aborts.add({ rid: 'mine' })
      passAll()
      assert.deepEqual(ended, named)
    })

  test('that names prompts is noted, and ends the request with the last of them', () => {
    const { aborts, ended, add, passAll } = setUpAborts()
    const request = add({ text: ['x', 'y'], rid: ['a', 'b'] })
    for (const rid of ['b', 'b']) aborts.add({ rid })
    passAll()
    assert.deepEqual([request.aborted, ended], [['b'], []])
    aborts.add({ rid: 'a' })
    passAll()
    assert.deepEqual([request.aborted, ended], ['all', [request]])
  })

  test('that names more prompts than a request may have is not noted', () => {
    const { aborts, add, passAll } = setUpAborts(2)
    const request = add({ text: ['x'], rid: 'a' })
    for (const rid of ['a_1', 'a_2', 'a_3']) aborts.add({ rid })
    passAll()
    assert.deepEqual(request.aborted, ['a_1', 'a_2'])
  })

  test('has no effect after the end', () => {
    const { aborts, ended, add, passAll } = setUpAborts()
    aborts.add({ rid: 'a' })
    add({ rid: 'b' })
    aborts.add({ rid: 'b' })
    aborts.close()
    passAll()
    assert.deepEqual(ended, [])
  })
})
