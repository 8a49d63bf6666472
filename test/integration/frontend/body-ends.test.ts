/** Bodies that end in a drain, or that break off, as a strict client on a kept-alive connection sees them. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { GatewayError } from '../../../src/core/errors.ts'
import { openFrontend } from '../../support/frontend.ts'
import { openRaw } from '../../support/raw-connection.ts'
import { StrictClient } from '../../support/strict-client.ts'
import { until } from '../../support/until.ts'

const SMALL_CREDIT = { limits: { relayBytesPerStream: 65_536 } }
const BYTES = 64 * 1024 * 1024
const STREAM = `/generate?stream=${BYTES / 65_536}&size=65536`

suite('In a drain', () => {
  test('a stream under way is ended first, and the next response on its connection closes it', async t => {
    const { origin, frontend } = await openFrontend(t, { config: SMALL_CREDIT })
    const client = new StrictClient(t, origin)
    await client.send(STREAM)
    // More than sockets hold, so the stream cannot have ended before the drain.
    client.pause()
    frontend.stopAccepting()
    const streamed = await client.rest()
    assert.deepEqual([streamed.isComplete, streamed.body.length], [true, BYTES])
    assert.equal(streamed.headers.get('connection'), undefined)
    await client.send('/generate')
    const last = await client.rest()
    assert.deepEqual([last.status, last.headers.get('connection')], [200, 'close'])
    await client.closed()
  })

  test('a stream that begins in it announces that the connection closes, and is ended first', async t => {
    const { origin, frontend } = await openFrontend(t)
    const client = new StrictClient(t, origin)
    await client.send('/generate')
    await client.rest()
    frontend.stopAccepting()
    await client.send('/generate?stream=3&size=10')
    const { headers, body, isComplete } = await client.rest()
    assert.deepEqual([headers.get('connection'), body.length, isComplete], ['close', 30, true])
  })

  for (const bytes of [10, 5_000_000])
    test(`a whole response of ${bytes} bytes is ended first, whether it began before or in the drain`, async t => {
      const { origin, frontend } = await openFrontend(t)
      const [before, within] = [new StrictClient(t, origin), new StrictClient(t, origin)]
      await within.send('/generate')
      await within.rest()
      await before.send(`/generate?bytes=${bytes}`)
      before.pause()
      frontend.stopAccepting()
      await within.send(`/generate?bytes=${bytes}`)
      for (const client of [before, within]) {
        const { body, isComplete } = await client.rest()
        assert.deepEqual([body.length, isComplete], [bytes, true])
      }
    })

  test('a small last response is followed by the end of the connection', async t => {
    const { origin, frontend } = await openFrontend(t)
    const client = new StrictClient(t, origin)
    await client.send('/generate')
    await client.rest()
    frontend.stopAccepting()
    await client.send('/generate')
    assert.equal((await client.rest()).headers.get('connection'), 'close')
    await client.closed()
  })

  test('an error response is complete, and closes the connection', async t => {
    const { origin, frontend } = await openFrontend(t)
    const client = new StrictClient(t, origin)
    const sent = client.send('/generate?silent')
    await until(() => frontend.openRequests === 1)
    frontend.stopAccepting()
    frontend.endAll(new GatewayError('shutting-down', 'over'))
    await sent
    const { status, headers, body, isComplete } = await client.rest()
    assert.deepEqual([status, headers.get('connection'), isComplete], [503, 'close', true])
    assert.match(body, /"code":"shutting-down"/)
    await client.closed()
  })

  test('a stream that its limit cuts short breaks off after an error event, without a last chunk', async t => {
    const { origin, frontend } = await openFrontend(t)
    const client = new StrictClient(t, origin)
    await client.send('/generate?hang')
    frontend.stopAccepting()
    frontend.endAll(new GatewayError('shutting-down', 'over'))
    const { body, isComplete } = await client.rest()
    assert.equal(isComplete, false)
    assert.match(body, /^data: \{"n":1\}\n\ndata: \{"error":\{.*"code":503,"reason":"shutting-down"\}\}\n\n$/)
    assert.equal(frontend.openRequests, 0)
  })
})

test('a slow client gets the error event of a stream that breaks off after all bytes before it', async t => {
  const { origin, frontend } = await openFrontend(t, { config: SMALL_CREDIT })
  const client = new StrictClient(t, origin)
  await client.send(STREAM)
  client.pause()
  frontend.endAll(new GatewayError('shutting-down', 'over'))
  const { body, isComplete } = await client.rest()
  assert.equal(isComplete, false)
  assert.match(body, /^c+data: \{"error":\{.*"code":503.*\}\}\n\n$/)
})

test('the error event of a stream that breaks off is in a whole chunk, for clients that drop others', async t => {
  const { origin, frontend } = await openFrontend(t)
  const client = await openRaw(t, origin)
  client.write('POST /generate?hang HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}')
  await client.untilReceived('data: {"n":1}')
  frontend.endAll(new GatewayError('shutting-down', 'over'))
  await client.untilClosed()
  const [, size, event] =
    /\r\n([0-9a-f]+)\r\n(data: \{"error":[^\n]*\n)\r\n1\r\n\n$/.exec(client.received()) ?? []
  assert.equal(Number.parseInt(size ?? '', 16), event?.length, client.received())
})
