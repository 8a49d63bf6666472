/** The admission queue over real sockets: permits, order, refusals, clients that leave. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigInput } from '../../../src/config/config.ts'
import { openFrontend } from '../../support/frontend.ts'
import { until } from '../../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

function ask(origin: string, query: string, overrides: Asked = {}): Promise<Response> {
  const headers = { ...JSON_TYPE, ...overrides.headers }
  return fetch(`${origin}/generate?${query}`, { method: 'POST', body: '{}', ...overrides, headers })
}

/** Holds the only permit with an endless stream until `leave` is called. */
async function hold(origin: string): Promise<{ leave(): void }> {
  const leaving = new AbortController()
  const response = await ask(origin, 'hang', { signal: leaving.signal })
  assert.equal(response.status, 200)
  // Keeps reading, because fetch cancels an unread response when it is garbage collected.
  void response.arrayBuffer().catch(() => undefined)
  return { leave: () => leaving.abort() }
}

const oneAtATime = (overrides: ConfigInput['admission'] = {}): ConfigInput => ({
  admission: { maxConcurrentRequests: 1, ...overrides },
})

test('a permit is held until the last byte is out', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime() })
  const held = await hold(origin)
  const second = ask(origin, '')
  await until(() => frontend.waitingRequests === 1)
  held.leave()
  assert.equal((await second).status, 200)
  await until(() => frontend.openRequests === 0)
})

test('pages and requests that generate no tokens never wait', async t => {
  const { origin } = await openFrontend(t, { config: oneAtATime() })
  const held = await hold(origin)
  const paths = ['/health', '/v1/models', '/readiness']
  const responses = await Promise.all(paths.map(path => fetch(`${origin}${path}`)))
  assert.deepEqual(
    responses.map(response => response.status),
    [200, 200, 200],
  )
  held.leave()
})

test('a higher class goes first, and each class keeps its order', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime() })
  const held = await hold(origin)
  const order: string[] = []
  const responses: Promise<unknown>[] = []
  for (const [at, priority] of ['low', 'normal', 'high', 'normal', 'high'].entries()) {
    const headers = { 'x-request-priority': priority }
    responses.push(ask(origin, '', { headers }).then(() => order.push(`${priority} ${at}`)))
    // In sequence: the requests must arrive in this order.
    await until(() => frontend.waitingRequests === at + 1)
  }
  held.leave()
  await Promise.all(responses)
  // Every fourth turn serves the normal class first.
  assert.deepEqual(order, ['high 2', 'high 4', 'normal 1', 'normal 3', 'low 0'])
})

test('a request that finds the queue full gets an OpenAI error with Retry-After', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime({ queueSize: 1 }) })
  const held = await hold(origin)
  const waiting = ask(origin, '')
  await until(() => frontend.waitingRequests === 1)
  const refused = await ask(origin, '')
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.ok(refused.headers.get('x-request-id'))
  assert.partialDeepStrictEqual(await refused.json(), {
    error: { code: 'queue-full', type: 'overloaded_error' },
  })
  held.leave()
  assert.equal((await waiting).status, 200)
})

test('the bodies of queued requests are limited in bytes', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime({ queueBytes: 1000 }) })
  const held = await hold(origin)
  const waiting = ask(origin, '', { body: 'x'.repeat(900) })
  await until(() => frontend.waitingRequests === 1)
  assert.equal((await ask(origin, '', { body: 'x'.repeat(101) })).status, 429)
  held.leave()
  assert.partialDeepStrictEqual(await (await waiting).json(), { body: 'x'.repeat(900) })
})

test('a wait that is too long ends with 503 and Retry-After', async t => {
  const { origin } = await openFrontend(t, { config: oneAtATime({ queueTimeoutSecs: 0.1 }) })
  const held = await hold(origin)
  const refused = await ask(origin, '')
  assert.equal(refused.status, 503)
  assert.ok(refused.headers.get('retry-after'))
  assert.partialDeepStrictEqual(await refused.json(), { error: { code: 'queue-timeout' } })
  held.leave()
})

test('/abort_request has queued requests answered at once, by rid or all of them, and no others', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime() })
  const held = await hold(origin)
  const rids = ['one', 'two', 'three', 'four']
  // A large body is kept in shared memory.
  const waiting = rids.map(rid =>
    ask(origin, '', { body: JSON.stringify({ rid, text: rid === 'two' ? 'x'.repeat(200_000) : 'x' }) }),
  )
  await until(() => frontend.waitingRequests === rids.length)
  const abort = async (order: object): Promise<void> => {
    const sent = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify(order) }
    const response = await fetch(`${origin}/abort_request`, sent)
    assert.equal(response.status, 200)
  }
  await abort({ rid: 'two' })
  await until(() => frontend.waitingRequests === rids.length - 1)
  // The router thread of this test answers all requests alike.
  assert.equal((await waiting[1])?.status, 200)
  await abort({ rid: 'nobody' })
  await abort({ rid: 'one' })
  await abort({ abort_all: true })
  assert.deepEqual(
    await Promise.all(waiting.map(async response => (await response).status)),
    [200, 200, 200, 200],
  )
  assert.deepEqual([frontend.waitingRequests, frontend.openRequests], [0, 1])
  held.leave()
  await until(() => frontend.openRequests === 0)
})

test('a client that leaves the queue leaves nothing open', async t => {
  const { origin, frontend } = await openFrontend(t, { config: oneAtATime() })
  const leaving = new AbortController()
  const held = await hold(origin)
  const waiting = assert.rejects(ask(origin, '', { signal: leaving.signal }))
  await until(() => frontend.waitingRequests === 1)
  leaving.abort()
  await waiting
  await until(() => frontend.waitingRequests === 0)
  assert.equal(frontend.openRequests, 1)
  held.leave()
  await until(() => frontend.openRequests === 0)
  assert.equal((await ask(origin, '')).status, 200)
})
