import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { EngineAborts } from '../../../../workers/attempt/engine-abort.ts'

const CALL = { url: 'http://engine', headers: [], maybeUnread: false }

/** `told` has the rids that engines were told of so far, in order; `at` moves the clock. */
function callsWith(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const told: string[] = []
  const to = (url: string) => ({
    send({ body }: { readonly body: Uint8Array | undefined }): void {
      told.push(`${url} ${String(JSON.parse(Buffer.from(body ?? []).toString()).rid)}`)
    },
  })
  return { told, calls: new EngineAborts({ to }), pass: (ms: number) => t.mock.timers.tick(ms) }
}

suite('an engine', () => {
  test('that has shown something of the request is told once', t => {
    const { told, calls, pass } = callsWith(t)
    calls.send({ ...CALL, rids: ['a'] })
    pass(10_000)
    assert.deepEqual(told, ['http://engine a'])
  })

  // Seen with 9 % of attempts failing on a busy machine: the engine read both earlier calls before the request.
  test('that may not have read the request yet is told at once, after 100 ms and after 500', t => {
    const { told, calls, pass } = callsWith(t)
    calls.send({ ...CALL, rids: ['a'], maybeUnread: true })
    const counts = [0, 99, 1, 399, 1, 10_000].map(ms => {
      pass(ms)
      return told.length
    })
    assert.deepEqual(counts, [1, 1, 2, 2, 3, 3])
  })

  test('hears of the other prompts of a batch after the first', t => {
    const { told, calls, pass } = callsWith(t)
    calls.send({ ...CALL, rids: ['a', 'a_1', 'a_2'] })
    pass(99)
    assert.deepEqual(told, ['http://engine a'])
    pass(10_000)
    assert.deepEqual(told.slice(1), ['http://engine a_1', 'http://engine a_2'])
  })

  test('is not told of anything more by a thread that ends', t => {
    const { told, calls, pass } = callsWith(t)
    calls.send({ ...CALL, rids: ['a', 'a_1'], maybeUnread: true })
    calls.close()
    pass(10_000)
    assert.deepEqual(told, ['http://engine a'])
  })
})
