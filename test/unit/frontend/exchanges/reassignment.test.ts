import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { ClientExchange } from '../../../../src/frontend/exchanges/client-exchange.ts'
import { Reassignment } from '../../../../src/frontend/exchanges/reassignment.ts'
import type { ThreadChannel } from '../../../../src/messages/channel.ts'

/** What reassignment uses of an exchange. */
class FakeExchange {
  readonly receivedMs: number
  isUnstarted = true
  isDone = false
  assignments = 0
  readonly failures: string[] = []

  constructor(receivedMs = 0) {
    this.receivedMs = receivedMs
  }

  assignTo(): void {
    this.assignments++
  }

  discountAssignment(): void {
    this.assignments--
  }

  fail({ code, message }: { code: string; message: string }): void {
    this.failures.push(`${code}: ${message}`)
    this.isDone = true
  }
}

function reassignmentOf(t: TestContext, threadLossRetries = 1) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  const state = { hasThread: true, nowMs: 0 }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only passed on
  const channel = {} as ThreadChannel
  const reassignment = new Reassignment({
    assign: () => (state.hasThread ? channel : undefined),
    threadLossRetries,
    nowMs: () => state.nowMs,
  })
  t.after(() => reassignment.close())
  return {
    state,
    assign: (fake: FakeExchange): void => reassignment.assign(asExchange(fake)),
    rescue: (fakes: readonly FakeExchange[], wasOrdered = false): number =>
      reassignment.rescue(fakes.map(asExchange), wasOrdered),
    threadReady: (): void => reassignment.threadReady(),
    pass: (ms: number): void => {
      state.nowMs += ms
      t.mock.timers.tick(ms)
    },
  }
}

function asExchange(fake: FakeExchange): ClientExchange {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that reassignment uses
  return fake as unknown as ClientExchange
}

suite('A request without a router thread', () => {
  test('is assigned as soon as a thread runs', t => {
    const { state, assign, threadReady, pass } = reassignmentOf(t)
    const exchange = new FakeExchange()
    state.hasThread = false
    assign(exchange)
    pass(9999)
    assert.equal(exchange.assignments, 0)
    state.hasThread = true
    threadReady()
    assert.equal(exchange.assignments, 1)
    pass(60_000)
    assert.deepEqual(exchange.failures, [])
  })

  test('fails after 10 s, each request by its own time', t => {
    const { state, assign, pass } = reassignmentOf(t)
    const [first, second] = [new FakeExchange(), new FakeExchange()]
    state.hasThread = false
    assign(first)
    pass(4000)
    assign(second)
    pass(6000)
    assert.deepEqual(first.failures, ['thread-lost: No router thread is running'])
    assert.deepEqual(second.failures, [])
    pass(4000)
    assert.equal(second.failures.length, 1)
  })

  test('is not assigned when its client has left meanwhile', t => {
    const { state, assign, threadReady } = reassignmentOf(t)
    const exchange = new FakeExchange()
    state.hasThread = false
    assign(exchange)
    exchange.isDone = true
    state.hasThread = true
    threadReady()
    assert.equal(exchange.assignments, 0)
  })
})

suite('A request whose router thread dies', () => {
  test('fails when its response has started', t => {
    const { assign, rescue } = reassignmentOf(t)
    const exchange = new FakeExchange()
    assign(exchange)
    exchange.isUnstarted = false
    assert.equal(rescue([exchange]), 0)
    assert.match(exchange.failures.join(''), /^thread-lost: .* before the response was complete$/)
  })

  test('is assigned again, then tried alone, then fails', t => {
    const { assign, rescue, pass } = reassignmentOf(t)
    const exchange = new FakeExchange()
    assign(exchange)
    assert.equal(rescue([exchange]), 1)
    assert.equal(exchange.assignments, 2)
    assert.equal(rescue([exchange]), 1)
    assert.equal(exchange.assignments, 2, 'waits in the quarantine')
    pass(20)
    assert.equal(exchange.assignments, 3)
    assert.equal(rescue([exchange]), 0)
    assert.match(exchange.failures.join(''), /^thread-lost: .* open on 3 router threads that died/)
  })

  test('is released from the quarantine when the culprit is found', t => {
    const { assign, rescue, pass } = reassignmentOf(t)
    const [innocent, culprit] = [new FakeExchange(1), new FakeExchange(2)]
    for (const exchange of [innocent, culprit]) assign(exchange)
    rescue([innocent, culprit])
    rescue([innocent, culprit])
    pass(20)
    assert.deepEqual([innocent.assignments, culprit.assignments], [2, 3])
    assert.equal(rescue([culprit]), 0)
    assert.equal(innocent.assignments, 3)
    assert.deepEqual([innocent.failures.length, culprit.failures.length], [0, 1])
  })

  test('does not lose an attempt when the thread was ended on purpose', t => {
    const { assign, rescue } = reassignmentOf(t)
    const exchange = new FakeExchange()
    assign(exchange)
    for (let restart = 0; restart < 5; restart++) assert.equal(rescue([exchange], true), 1)
    assert.equal(exchange.assignments, 1)
    assert.deepEqual(exchange.failures, [])
  })

  test('fails at once when retries are turned off', t => {
    const { assign, rescue } = reassignmentOf(t, 0)
    const exchange = new FakeExchange()
    assign(exchange)
    assert.equal(rescue([exchange]), 0)
    assert.match(exchange.failures.join(''), /open on 1 router thread that died/)
  })
})
