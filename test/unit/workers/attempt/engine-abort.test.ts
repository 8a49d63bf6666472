import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { headerIn } from '../../../../src/messages/flat-headers.ts'
import { EngineAborts } from '../../../../workers/attempt/engine-abort.ts'
import type { ResponseHandler, UpstreamRequestOptions } from '../../../../workers/upstream/types.ts'

const ABORT = { url: 'http://engine', apiKey: undefined, headers: [], maybeUnread: false }

/** `sent` has the aborts that were sent so far, in order; `pass` moves the clock. */
function setUpAborts(t: TestContext, adminApiKey?: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const sent: string[] = []
  const closed: string[] = []
  const keys: string[] = []
  const log: string[] = []
  const engine = { status: 200 }
  const to = (url: string) => ({
    send({ body, headers }: UpstreamRequestOptions, handler: ResponseHandler) {
      const rid = String(JSON.parse(Buffer.from(body instanceof Uint8Array ? body : []).toString()).rid)
      sent.push(`${url} ${rid}`)
      keys.push(headerIn(headers, 'authorization') ?? 'none')
      if (!rid.startsWith('hangs')) {
        handler.onHead(engine.status, [])
        handler.onEnd()
      }
      return { abort: () => closed.push(rid) }
    },
  })
  const warn = (fields: object, message: string): void =>
    void log.push(`${JSON.stringify(fields)} ${message}`)
  const aborts = new EngineAborts({ to }, { config: { engines: { adminApiKey } }, log: { warn } })
  return { sent, closed, keys, log, engine, aborts, pass: (ms: number) => t.mock.timers.tick(ms) }
}

suite('EngineAborts', () => {
  test('sends one abort to an engine that has responded', t => {
    const { sent, aborts, pass } = setUpAborts(t)
    aborts.send({ ...ABORT, rid: 'a' })
    pass(10_000)
    assert.deepEqual(sent, ['http://engine a'])
  })

  // On a busy machine, in 9% of failed attempts, the engine read the first two aborts before the request.
  test('repeats the abort after 5, 100 and 500 ms for an engine that may not have read the request yet', t => {
    const { sent, aborts, pass } = setUpAborts(t)
    aborts.send({ ...ABORT, rid: 'a', maybeUnread: true })
    const counts = [0, 4, 1, 94, 1, 399, 1, 10_000].map(ms => {
      pass(ms)
      return sent.length
    })
    assert.deepEqual(counts, [1, 1, 2, 2, 3, 3, 4, 4])
  })

  test('closes the connection of an abort that is not answered', t => {
    const { closed, aborts, pass } = setUpAborts(t)
    aborts.send({ ...ABORT, rid: 'hangs' })
    aborts.send({ ...ABORT, rid: 'a' })
    pass(9999)
    assert.deepEqual(closed, [])
    pass(1)
    assert.deepEqual(closed, ['hangs'])
  })

  test('sends nothing more once it is closed', t => {
    const { sent, aborts, pass } = setUpAborts(t)
    aborts.send({ ...ABORT, rid: 'a', maybeUnread: true })
    aborts.close()
    pass(10_000)
    assert.deepEqual(sent, ['http://engine a'])
  })

  const client = ['authorization', 'Bearer of the client', 'x-correlation-id', '7']
  for (const [what, adminApiKey, apiKey, expected] of [
    ["the admin key before the engine's own", 'admin', 'own', 'Bearer admin'],
    ["the engine's own key before that of the client", undefined, 'own', 'Bearer own'],
    ['the key of the client if none is configured', undefined, undefined, 'Bearer of the client'],
  ] as const)
    test(`carries ${what}`, t => {
      const { keys, aborts } = setUpAborts(t, adminApiKey)
      aborts.send({ ...ABORT, apiKey, headers: client, rid: 'a' })
      assert.deepEqual(keys, [expected])
    })

  for (const status of [401, 403])
    test(`reports that an engine asks for a key (${status}) once, until it takes an abort again`, t => {
      const { log, engine, aborts } = setUpAborts(t)
      for (const answer of [status, status, 200, status]) {
        engine.status = answer
        aborts.send({ ...ABORT, rid: 'a' })
      }
      assert.equal(log.length, 2)
      assert.match(log[0] ?? '', /"engine":"http:\/\/engine".*set engines\.adminApiKey/)
    })

  for (const [status, refused] of [
    [401, 1],
    [404, 1],
    [200, 0],
    // The engine may have given the request up all the same, and another abort may succeed.
    [503, 0],
  ] as const)
    test(`${refused === 1 ? 'takes' : 'does not take'} ${status} for a refusal, after which nothing is repeated`, t => {
      const { sent, engine, aborts, pass } = setUpAborts(t)
      engine.status = status
      let refusals = 0
      aborts.send({ ...ABORT, rid: 'a', maybeUnread: true, onRefused: () => refusals++ })
      pass(10_000)
      assert.deepEqual([refusals, sent.length], [refused, refused === 1 ? 1 : 4])
    })
})
