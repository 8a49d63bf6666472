/** Clients that stop reading a response, or stop sending a body. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { openFrontend } from '../../support/frontend.ts'
import { until } from '../../support/until.ts'

const STALL = { limits: { clientStallMs: 400 } }

for (const [what, query] of [
  ['a stream', 'stream=100000&size=1000'],
  ['a large response', 'bytes=50000000'],
] as const) {
  test(`cuts off a client that reads nothing of ${what}`, async t => {
    const { origin, frontend, counted } = await openFrontend(t, { config: STALL })
    const socket = await dial(t, origin)
    socket.pause()
    socket.write(`POST /generate?${query} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}`)
    await until(() => counted('pdgw_frontend_stalled_clients_total') === 1)
    await until(() => frontend.openRequests === 0)
  })
}

test('waits for a client that reads slowly', async t => {
  const { origin, counted } = await openFrontend(t, {
    config: { limits: { clientStallMs: 2000, relayBytesPerStream: 65_536 } },
  })
  const response = await fetch(`${origin}/generate?stream=20000&size=1000`, { method: 'POST' })
  let received = 0
  for await (const piece of response.body ?? []) {
    received += piece.length
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.equal(received, 20_000_000)
  assert.equal(counted('pdgw_frontend_stalled_clients_total'), 0)
})

// These tests mostly wait for timeouts.
suite('A slow body', { concurrency: 2 }, () => {
  test('gets 408 and a closed connection when it stalls', async t => {
    const { origin, frontend } = await openFrontend(t, { config: { timeouts: { bodyMs: 300 } } })
    for (const sent of ['', '{"text":']) {
      const response = await stoppedUpload(t, origin, sent)
      assert.match(response, /^HTTP\/1.1 408 Request Timeout\r\n/)
      assert.match(response, /connection: close/i)
      assert.match(response, /"code":"body-timeout"/)
    }
    assert.equal(frontend.openRequests, 0)
  })

  test('gets 408 when it trickles, and is accepted when it is slow but steady', async t => {
    const { origin } = await openFrontend(t, {
      config: { timeouts: { bodyMs: 1000 }, limits: { bodyProgressBytes: 50 } },
    })
    const [trickled, steady] = await Promise.all([
      uploadInPieces(t, origin, 1),
      uploadInPieces(t, origin, 50),
    ])
    assert.match(trickled, /^HTTP\/1.1 408 [^]*"code":"body-timeout"/)
    assert.match(steady, /^HTTP\/1.1 200 /)
  })
})

/** Sends a piece every 100 ms for 2 s, longer than a stalled body is kept. */
async function uploadInPieces(t: TestContext, origin: string, bytes: number): Promise<string> {
  const socket = await dial(t, origin)
  const pieces = 20
  socket.write(
    `POST /generate HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${pieces * bytes}\r\n\r\n`,
  )
  let sent = 0
  const timer = setInterval(() => {
    if (sent++ < pieces && socket.writable) socket.write(' '.repeat(bytes))
    else clearInterval(timer)
  }, 100)
  t.after(() => clearInterval(timer))
  const response: unknown[] = []
  for await (const part of socket.setEncoding('utf8')) {
    response.push(part)
    if (response.join('').includes('\r\n\r\n')) break
  }
  return response.join('')
}

async function stoppedUpload(t: TestContext, origin: string, sent: string): Promise<string> {
  const socket = await dial(t, origin)
  socket.write(`POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n${sent}`)
  const pieces = await socket.setEncoding('utf8').toArray()
  return pieces.join('')
}

function dial(t: TestContext, origin: string): Promise<Socket> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  return new Promise(resolve => socket.once('connect', () => resolve(socket)))
}
