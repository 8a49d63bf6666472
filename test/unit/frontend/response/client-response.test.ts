import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { GatewayError } from '../../../../src/core/errors.ts'
import { StallDetector } from '../../../../src/core/stall-detector.ts'
import { OPENAI_ERRORS } from '../../../../src/error-response/error-dialect.ts'
import { ClientResponse } from '../../../../src/frontend/response/client-response.ts'
import { FakeUwsResponse } from '../../../support/fake-uws.ts'

const SSE = ['content-type', 'text/event-stream']
const ERROR = new GatewayError('thread-lost', 'm')

function responseOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const clock = { nowMs: 0 }
  const stalled: ClientResponse[] = []
  const stalls = new StallDetector<ClientResponse>(
    1000,
    response => stalled.push(response),
    () => clock.nowMs,
  )
  t.after(() => stalls.close())
  const client = new FakeUwsResponse()
  const events: string[] = []
  const response = new ClientResponse({
    res: client.asResponse(),
    requestId: 'id',
    errorDialect: OPENAI_ERRORS,
    drainState: { failReadiness: false, closeConnections: false },
    stalls,
    observer: { onTaken: bytes => events.push(`taken ${bytes}`), onDone: () => events.push('done') },
  })
  const pass = (ms: number): void => {
    clock.nowMs += ms
    t.mock.timers.tick(ms)
  }
  return { client, response, events, stalled, pass }
}

function stream(response: ClientResponse, ...chunks: string[]): void {
  response.onHead(200, SSE)
  for (const chunk of chunks) response.onData(Buffer.from(chunk))
  response.write()
}

suite('A streamed response', () => {
  test('writes all rows of a batch and reports the bytes that the client has taken', t => {
    const { client, response, events } = responseOf(t)
    stream(response, 'a', '', 'bc')
    assert.deepEqual(client.written, [
      '200 OK',
      'x-request-id: id',
      'content-type: text/event-stream',
      'a',
      'bc',
    ])
    assert.deepEqual(events, ['taken 3'])
    response.onEnd()
    response.write()
    assert.equal(client.written.at(-1), 'end')
    assert.deepEqual(events, ['taken 3', 'done'])
  })

  test('is not done before a slow client has taken its last byte', t => {
    const { client, response, events } = responseOf(t)
    client.keepsUp = false
    stream(response, 'abc')
    response.onEnd()
    response.write()
    assert.deepEqual(events, [])
    client.drain()
    assert.equal(client.written.at(-1), 'end')
    assert.deepEqual(events, ['done'])
  })

  test('reports buffered bytes once the client has taken them', t => {
    const { client, response, events, stalled, pass } = responseOf(t)
    client.keepsUp = false
    stream(response, 'abc')
    assert.deepEqual(events, [])
    client.drain()
    assert.deepEqual(events, ['taken 3'])
    pass(5000)
    assert.deepEqual(stalled, [])
  })

  test('counts a client that takes nothing as stalled', t => {
    const { client, response, stalled, pass } = responseOf(t)
    client.keepsUp = false
    stream(response, 'abc')
    pass(1250)
    assert.deepEqual(stalled, [response])
  })

  test('breaks off with an error event when it fails, and closes the connection', t => {
    const { client, response, events } = responseOf(t)
    stream(response, 'a')
    response.fail(ERROR)
    assert.match(client.written.at(-3) ?? '', /^data: \{"error":.*"code":503,"reason":"thread-lost".*\n$/)
    assert.deepEqual(client.written.slice(-2), ['\n', 'close'])
    assert.deepEqual(events, ['taken 1', 'done'])
  })

  for (const [lastEvent, chunks] of [
    ['data: e\n\n', ['data: e\n', '\n']],
    ['', ['\n']],
  ] as const)
    test(`breaks off with the last event of its router thread, ${JSON.stringify(lastEvent)}, and no last chunk`, t => {
      const { client, response, events } = responseOf(t)
      response.onHead(200, SSE)
      response.onData(Buffer.from('a'))
      response.onBroken(Buffer.from(lastEvent))
      response.write()
      assert.deepEqual(client.written.slice(3), ['a', ...chunks, 'close'])
      assert.deepEqual(events, ['taken 1', 'done'])
    })

  test('closes the connection of a slow client only when it has taken the last event', async t => {
    const { client, response, events, stalled, pass } = responseOf(t)
    client.keepsUp = false
    stream(response, 'a')
    response.fail(ERROR)
    response.fail(ERROR)
    assert.match(client.written.at(-2) ?? '', /^data: \{"error"/)
    assert.deepEqual(events, [])
    pass(1250)
    assert.deepEqual(stalled, [response])
    client.drain()
    await nextTurn()
    assert.equal(client.written.at(-1), 'close')
    assert.deepEqual(events, ['done'])
  })

  test('closes the connection when it fails and is not an event stream', t => {
    const { client, response } = responseOf(t)
    response.onHead(200, ['content-type', 'text/plain'])
    response.onData(Buffer.from('a'))
    response.write()
    response.fail(ERROR)
    assert.deepEqual(client.written.slice(-2), ['a', 'close'])
  })

  test('is complete, whatever fails after its end was received', t => {
    const { client, response } = responseOf(t)
    client.keepsUp = false
    stream(response, 'abc')
    response.onEnd()
    response.write()
    response.fail(ERROR)
    client.drain()
    assert.deepEqual(client.written.slice(-2), ['abc', 'end'])
  })
})

suite('A response that has not started', () => {
  test('becomes an error response when it fails', t => {
    const { client, response, events } = responseOf(t)
    response.fail(ERROR)
    assert.equal(client.written[0], '503 Service Unavailable')
    assert.match(client.written.at(-2) ?? '', /"thread-lost"/)
    assert.deepEqual(events, ['done'])
  })

  test('touches nothing after the client has left', t => {
    const { client, response, events } = responseOf(t)
    response.onResponse({ status: 200, headers: [], body: Buffer.from('a') })
    client.abort()
    response.finish()
    response.write()
    response.fail(ERROR)
    assert.deepEqual(client.written, [])
    assert.deepEqual(events, ['done'])
  })
})

suite('A response is good', () => {
  test('when all of a stream has been received, although its client has not taken it', t => {
    const { client, response } = responseOf(t)
    client.keepsUp = false
    stream(response, 'a')
    assert.equal(response.isGood, false)
    response.onEnd()
    response.write()
    assert.equal(response.isGood, true)
    response.finish()
    assert.equal(response.isGood, true)
  })

  for (const [what, end] of [
    ['its client leaves before', (response: ClientResponse) => response.finish()],
    ['it breaks off', (response: ClientResponse) => response.fail(ERROR)],
  ] as const)
    test(`not when ${what}`, t => {
      const { response } = responseOf(t)
      stream(response, 'a')
      end(response)
      assert.equal(response.isGood, false)
    })

  for (const [status, isGood] of [
    [200, true],
    [400, false],
    [503, false],
  ] as const)
    test(`${isGood ? 'when' : 'not when'} it has the status ${status}`, t => {
      const { response } = responseOf(t)
      response.onResponse({ status, headers: [], body: Buffer.from('{}') })
      response.write()
      assert.equal(response.isGood, isGood)
    })
})
