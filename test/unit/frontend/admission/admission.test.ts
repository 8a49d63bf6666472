import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { configSchema } from '../../../../src/config/config.ts'
import { Admission, type AdmissionOptions, permitsFor } from '../../../../src/frontend/admission/admission.ts'
import { Ticket } from '../../../../src/frontend/admission/queue.ts'
import type { Priority } from '../../../../src/frontend/intake/priority.ts'

interface Setup {
  readonly admission: Admission<string>
  /** Calls of `onTurn` and `onRefused`, in order. */
  readonly events: string[]
  readonly settings: { capacity: number; isMemoryShort: boolean; nowMs: number; lastError: string }
  readonly ask: (name: string, priority?: Priority, bytes?: number) => string
  readonly pass: (ms: number) => void
}

function setup(
  t: TestContext,
  overrides: Partial<AdmissionOptions<string>['config']> = {},
  totalMs = 3_600_000,
): Setup {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const settings = { capacity: Infinity, isMemoryShort: false, nowMs: 0, lastError: '' }
  const events: string[] = []
  const admission = new Admission<string>({
    maxOpen: 1000,
    config: { ...configSchema.parse({}).admission, ...overrides },
    totalMs,
    capacity: () => settings.capacity,
    outage: () => 'no healthy decode engine',
    maxLive: Infinity,
    isUnderMemoryPressure: () => settings.isMemoryShort,
    nowMs: () => settings.nowMs,
    onTurn: name => events.push(name),
    onRefused: (name, error) => {
      events.push(`${name}: ${error.code} ${error.status}`)
      settings.lastError = error.message
    },
  })
  return {
    admission,
    events,
    settings,
    ask(name, priority = 'normal', bytes = 10) {
      const refusal = admission.enter(true)
      if (refusal !== undefined) return refusal.code
      if (admission.tryStart()) return 'started'
      return admission.wait(new Ticket(name, priority, bytes, settings.nowMs))?.code ?? 'waits'
    },
    pass(ms) {
      settings.nowMs += ms
      t.mock.timers.tick(ms)
    },
  }
}

const turn = (): Promise<void> => Promise.resolve()

suite('Permits', () => {
  for (const [what, capacity, configured, live, expected] of [
    ['none while no engine is healthy', 0, -1, Infinity, 0],
    ['unlimited without any limit', Infinity, -1, Infinity, Infinity],
    ['the capacity plus an eighth', 80, -1, Infinity, 90],
    ['at least four more than the capacity', 2, 0, Infinity, 6],
    ['as many as the operator allows', 80, 7, Infinity, 7],
    ['as many as the descriptors allow', 80, 70, 6, 6],
  ] as const)
    test(`are ${what}`, () => assert.equal(permitsFor(capacity, configured, live), expected))

  for (const [what, idle, sampled, configured, expected] of [
    ['no more for a few that are parked', 6, 4, -1, 90],
    ['more when more are parked than may run ahead', 20, 5, -1, 105],
    ['more than the operator allows for those that run nothing', 20, 5, 10, 30],
  ] as const)
    test(`are ${what}`, () => assert.equal(permitsFor(80, configured, Infinity, { idle, sampled }), expected))
})

suite('Admission', () => {
  test('starts what fits, and the rest in order as permits are returned', async t => {
    const { admission, events, ask } = setup(t, { maxConcurrentRequests: 2 })
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map(name => ask(name)),
      ['started', 'started', 'waits', 'waits'],
    )
    admission.done(true)
    await turn()
    assert.deepEqual(events, ['c'])
    admission.done(true)
    admission.done(true)
    await turn()
    assert.deepEqual(events, ['c', 'd'])
    assert.equal(admission.waiting, 0)
  })

  test('lets no request overtake the queue', async t => {
    const { admission, events, ask } = setup(t, { maxConcurrentRequests: 1 })
    ask('a')
    ask('b')
    admission.done(true)
    assert.equal(ask('c'), 'waits')
    await turn()
    assert.deepEqual(events, ['b'])
  })

  test('refuses a request that finds the queue full, and says when to retry', t => {
    const { admission, ask } = setup(t, { maxConcurrentRequests: 1, queueSize: 2, queueBytes: 25 })
    assert.deepEqual(
      ['a', 'b'].map(name => ask(name)),
      ['started', 'waits'],
    )
    assert.equal(ask('c', 'high', 16), 'queue-full')
    assert.equal(ask('d', 'high', 15), 'waits')
    assert.equal(ask('e', 'high', 0), 'queue-full')
    const refusal = admission.wait(new Ticket('f', 'low', 0, 0))
    assert.ok(refusal?.status === 429 && (refusal.retryAfterMs ?? 0) >= 1000)
  })

  test('estimates when to retry from the requests that have ended well, and from no others', t => {
    const { admission, ask, pass } = setup(t, { maxConcurrentRequests: 1, queueSize: 1 })
    ask('a')
    admission.done(true)
    assert.deepEqual(
      ['b', 'c'].map(name => ask(name)),
      ['started', 'waits'],
    )
    const retryAfterMs = (): number => admission.wait(new Ticket('d', 'low', 0, 0))?.retryAfterMs ?? 0
    pass(1000)
    const before = retryAfterMs()
    assert.ok(before > 10_000, `${before}`)
    for (let failed = 0; failed < 1000; failed++) admission.done(false)
    assert.equal(retryAfterMs(), before)
  })

  test('refuses a request that has waited too long', t => {
    const { events, ask, pass } = setup(t, { maxConcurrentRequests: 1, queueTimeoutSecs: 2 })
    ask('a')
    ask('b')
    pass(1000)
    ask('c')
    pass(1000)
    assert.deepEqual(events, ['b: queue-timeout 503'])
    pass(1000)
    assert.deepEqual(events, ['b: queue-timeout 503', 'c: queue-timeout 503'])
  })

  test('does not let a request wait beyond its total timeout', t => {
    const { events, ask, pass } = setup(t, { maxConcurrentRequests: 1 }, 500)
    ask('a')
    ask('b')
    pass(500)
    assert.deepEqual(events, ['b: deadline-exceeded 504'])
  })

  test('waits out a short outage', t => {
    const { settings, events, ask, pass } = setup(t)
    settings.capacity = 0
    assert.equal(ask('a'), 'waits')
    pass(4900)
    settings.capacity = 10
    pass(50)
    assert.deepEqual(events, ['a'])
  })

  test('refuses requests when an outage lasts too long, counted from its start', t => {
    const { settings, events, ask, pass } = setup(t, { maxConcurrentRequests: 1 })
    ask('a')
    ask('b')
    pass(30_000)
    settings.capacity = 0
    pass(50)
    pass(4900)
    assert.deepEqual(events, [])
    pass(150)
    assert.deepEqual(events, ['b: no-engine-available 503'])
    assert.equal(settings.lastError, 'The gateway cannot serve requests now: no healthy decode engine')
  })

  test('refuses generation requests, and no others, while memory is short', t => {
    const { admission, settings, ask } = setup(t)
    settings.isMemoryShort = true
    assert.equal(ask('a'), 'memory-pressure')
    assert.equal(admission.enter(false), undefined)
  })

  test('skips a request whose client has left', async t => {
    const { admission, events, ask } = setup(t, { maxConcurrentRequests: 1 })
    ask('a')
    const ticket = new Ticket('gone', 'normal', 10, 0)
    admission.wait(ticket)
    ask('b')
    admission.withdraw(ticket)
    admission.done(true)
    await turn()
    assert.deepEqual(events, ['b'])
  })
})
