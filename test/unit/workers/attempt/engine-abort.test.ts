import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { EngineAborts } from '../../../../workers/attempt/engine-abort.ts'
import type { RequestBody } from '../../../../workers/upstream/request-body.ts'
import type { ResponseHandler } from '../../../../workers/upstream/types.ts'

const ABORT = { url: 'http://engine', headers: [], maybeUnread: false }

/** `sent` has the aborts that were sent so far, in order; `pass` moves the clock. */
function setUpAborts(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const sent: string[] = []
  const closed: string[] = []
  const to = (url: string) => ({
    send({ body }: { readonly body: RequestBody | undefined }, handler: ResponseHandler) {
      const rid = String(JSON.parse(Buffer.from(body instanceof Uint8Array ? body : []).toString()).rid)
      sent.push(`${url} ${rid}`)
      if (!rid.startsWith('hangs')) handler.onEnd()
      return { abort: () => closed.push(rid) }
    },
  })
  return { sent, closed, aborts: new EngineAborts({ to }), pass: (ms: number) => t.mock.timers.tick(ms) }
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
})
