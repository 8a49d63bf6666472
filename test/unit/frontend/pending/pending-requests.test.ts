import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type ConfigInput, configSchema } from '../../../../src/config/config.ts'
import { GatewayError } from '../../../../src/core/errors.ts'
import { findRoute } from '../../../../src/frontend/intake/routes.ts'
import type { PendingRequest } from '../../../../src/frontend/pending/pending-request.ts'
import { PendingRequests } from '../../../../src/frontend/pending/pending-requests.ts'
import { createSharedMemory } from '../../../../src/shared/layout.ts'
import { Recorder } from '../../../../src/telemetry/recorder.ts'
import { FakeUwsResponse } from '../../../support/fake-uws.ts'
import { requestHead } from '../../../support/request-head.ts'

function pendingRequestsOf(t: TestContext, config: ConfigInput = {}) {
  const opened: PendingRequest[] = []
  const events: string[] = []
  const pending = new PendingRequests({
    config: configSchema.parse({ ...config, admission: { maxConcurrentRequests: 1, ...config.admission } }),
    admissionLimits: { capacity: () => Infinity, maxLive: Infinity, maxClients: Infinity },
    outage: () => undefined,
    recorder: new Recorder(createSharedMemory(1, 1), 0),
    open(request) {
      opened.push(request)
      const aborted = request.aborted === 'all' ? ' aborted' : ''
      events.push(`open ${Buffer.from(request.body).toString()}${aborted}`)
      return { onClientGone: () => events.push('exchange: client gone') }
    },
    refuse: (_request, { code }) => events.push(`refuse ${code}`),
    onMemoryPressure: () => undefined,
    collectGarbage: () => undefined,
  })
  t.after(() => pending.close())
  const begin = (path: string, method = 'POST'): FakeUwsResponse => {
    const client = new FakeUwsResponse()
    const route = findRoute(path)
    if (route?.kind !== 'exchange') throw new TypeError(`${path} has no exchange`)
    const refusal = pending.begin(client.asResponse(), requestHead({ path, method }), route)
    if (refusal !== undefined) events.push(`begin ${refusal.code}`)
    return client
  }
  const end = (index: number): void => {
    const request = opened[index]
    if (request !== undefined) pending.onExchangeDone(request, true)
  }
  return { pending, opened, events, begin, end }
}

suite('A request', () => {
  test('starts when its body is complete, and returns its permit when its exchange ends', async t => {
    const { pending, opened, events, begin, end } = pendingRequestsOf(t)
    const client = begin('/generate')
    client.receive('{"a":', false)
    assert.deepEqual(events, [])
    client.receive('1}')
    begin('/generate').receive('second')
    assert.deepEqual(events, ['open {"a":1}'])
    assert.deepEqual([pending.open, pending.waiting], [2, 1])
    end(0)
    await setImmediate()
    assert.deepEqual(events, ['open {"a":1}', 'open second'])
    assert.deepEqual([pending.open, pending.waiting], [1, 0])
    assert.deepEqual(
      opened.map(({ body, holdsPermit }) => [body.length, holdsPermit]),
      [
        [0, false],
        [0, true],
      ],
    )
  })

  test('needs no permit unless it generates tokens', t => {
    const { opened, events, begin } = pendingRequestsOf(t)
    begin('/generate').receive('{}')
    begin('/v1/models', 'GET')
    begin('/flush_cache').receive('')
    assert.deepEqual(events, ['open {}', 'open ', 'open '])
    assert.deepEqual(
      opened.map(({ holdsPermit }) => holdsPermit),
      [true, false, false],
    )
  })

  test('is refused when its body is too large', t => {
    const { pending, events, begin } = pendingRequestsOf(t, { limits: { bodyBytes: 1024 } })
    const client = begin('/generate')
    client.receive('x'.repeat(1025), false)
    client.abort()
    assert.deepEqual(events, ['refuse body-too-large'])
    assert.equal(pending.open, 0)
  })

  test('is refused at once when the queue is full', t => {
    const { pending, events, begin } = pendingRequestsOf(t, { admission: { queueSize: 1 } })
    for (const body of ['1', '2', '3']) begin('/generate').receive(body)
    assert.deepEqual(events, ['open 1', 'refuse queue-full'])
    assert.deepEqual([pending.open, pending.waiting], [2, 1])
  })

  test('is refused with the given error while it waits', t => {
    const { pending, events, begin } = pendingRequestsOf(t)
    for (const body of ['1', '2']) begin('/generate').receive(body)
    pending.refuseWaiting(new GatewayError('shutting-down', 'm'))
    assert.deepEqual(events, ['open 1', 'refuse shutting-down'])
  })

  test('leaves the queue at once when an abort request names its rid, and needs no permit for that', async t => {
    const { pending, events, begin, end } = pendingRequestsOf(t)
    for (const rid of ['a', 'b', 'c']) begin('/generate').receive(JSON.stringify({ rid }))
    begin('/abort_request').receive('{"rid":"b"}')
    assert.deepEqual(events, ['open {"rid":"a"}', 'open {"rid":"b"} aborted', 'open {"rid":"b"}'])
    // In one turn of the event loop only the first is looked into.
    await setImmediate()
    begin('/abort_request').receive('{"abort_all":true}')
    assert.deepEqual(events.slice(3), ['open {"rid":"c"} aborted', 'open {"abort_all":true}'])
    assert.equal(pending.waiting, 0)
    for (let index = 0; index < events.length; index++) end(index)
    begin('/generate').receive('next')
    assert.equal(events.at(-1), 'open next', 'no permit is lost')
    assert.equal(pending.open, 1)
  })
})

suite('A client that leaves', () => {
  test('while it sends its body ends its request without a callback', t => {
    const { pending, events, begin } = pendingRequestsOf(t)
    const client = begin('/generate')
    client.receive('{', false)
    client.abort()
    client.receive('}')
    assert.deepEqual(events, [])
    assert.equal(pending.open, 0)
  })

  test('while it waits loses its turn', async t => {
    const { pending, events, begin, end } = pendingRequestsOf(t)
    begin('/generate').receive('1')
    const client = begin('/generate')
    client.receive('2')
    begin('/generate').receive('3')
    client.abort()
    assert.deepEqual([pending.open, pending.waiting], [2, 1])
    end(0)
    await setImmediate()
    assert.deepEqual(events, ['open 1', 'open 3'])
  })

  for (const [path, method] of [
    ['/generate', 'POST'],
    ['/v1/models', 'GET'],
  ] as const)
    test(`during the exchange of ${method} ${path} is reported to the exchange`, t => {
      const { pending, events, begin } = pendingRequestsOf(t)
      const client = begin(path, method)
      if (method === 'POST') client.receive('')
      client.abort()
      assert.deepEqual(events, ['open ', 'exchange: client gone'])
      assert.equal(pending.open, 1, 'until the exchange ends')
    })
})
