/** Request bodies and large responses: sizes, chunked uploads, 100-continue, pipelining. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { openFrontend } from '../../support/frontend.ts'
import { sendRaw } from '../../support/raw-http.ts'
import { until } from '../../support/until.ts'

const SMALL = { limits: { bodyBytes: 65_536 } }

test('accepts a body of exactly the limit and refuses one byte more by its content-length', async t => {
  const { origin } = await openFrontend(t, { config: SMALL })
  const exact = await fetch(`${origin}/generate`, { method: 'POST', body: Buffer.alloc(65_536, 'a') })
  assert.equal(exact.status, 200)
  assert.partialDeepStrictEqual(await exact.json(), { body: 'a'.repeat(65_536) })
  const answer = await sendRaw(
    t,
    origin,
    'POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 65537\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.match(answer, /"code":"body-too-large"/)
})

test('refuses a chunked body once it grows past the limit', async t => {
  const { origin, frontend } = await openFrontend(t, { config: SMALL })
  const head = 'POST /generate HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
  const answer = await sendRaw(t, origin, `${head}${`4000\r\n${'b'.repeat(0x4000)}\r\n`.repeat(5)}0\r\n\r\n`)
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.equal(frontend.openRequests, 0)
})

for (const [how, framing, chunk] of [
  ['with a content-length', 'content-length: 8388608', 'x'.repeat(65_536)],
  ['in chunks', 'transfer-encoding: chunked', `10000\r\n${'x'.repeat(65_536)}\r\n`],
] as const) {
  test(`delivers the 413 to a client that reads only after it has sent everything: ${how}`, async t => {
    const { origin } = await openFrontend(t, { config: SMALL })
    const head = `POST /generate HTTP/1.1\r\nhost: a\r\n${framing}\r\n\r\n`
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    t.after(() => socket.destroy())
    socket.pause().setEncoding('utf8')
    const answered = new Promise<string>((resolve, reject) => {
      socket.once('data', piece => resolve(String(piece)))
      socket.once('error', reject).once('close', () => reject(new Error('closed before the answer')))
    })
    socket.write(head + chunk)
    socket.write(chunk.repeat(127), () => socket.resume())
    const answer = await answered
    assert.match(answer, /^HTTP\/1.1 413 /)
    assert.match(answer, /\r\nconnection: close\r\n/i)
  })
}

test('assembles a chunked body', async t => {
  const { origin } = await openFrontend(t)
  const parts = ['{"text":"', 'x'.repeat(100_000), '"}']
  const answer = await new Promise<string>((resolve, reject) => {
    const upload = request(`${origin}/generate`, { method: 'POST' }, response => {
      response
        .setEncoding('utf8')
        .toArray()
        .then(pieces => resolve(pieces.join('')), reject)
    })
    upload.on('error', reject)
    for (const part of parts) upload.write(part)
    upload.end()
  })
  assert.partialDeepStrictEqual(JSON.parse(answer), { body: parts.join('') })
})

test('responds to Expect: 100-continue before the body, then to the request', async t => {
  const { origin } = await openFrontend(t)
  const result = await new Promise<{ status: number | undefined; id: unknown; wasContinued: boolean }>(
    (resolve, reject) => {
      let wasContinued = false
      const headers = { expect: '100-continue', 'content-length': 2, 'x-request-id': 'e1' }
      const upload = request(`${origin}/generate`, { method: 'POST', headers }, response => {
        response.resume()
        response.on('end', () =>
          resolve({ status: response.statusCode, id: response.headers['x-request-id'], wasContinued }),
        )
      })
      upload.on('error', reject)
      upload.on('continue', () => {
        wasContinued = true
        upload.end('{}')
      })
      upload.flushHeaders()
    },
  )
  assert.deepEqual(result, { status: 200, id: 'e1', wasContinued: true })
})

test('delivers a large response in full, also to a client that reads late', async t => {
  const { origin, frontend } = await openFrontend(t)
  const response = await fetch(`${origin}/v1/models?bytes=20000000`)
  assert.equal(response.headers.get('content-length'), '20000000')
  assert.equal((await response.arrayBuffer()).byteLength, 20_000_000)
  await until(() => frontend.openRequests === 0)
})

test('closes the connection of a client that pipelines requests, and leaves nothing open', async t => {
  const { origin, frontend } = await openFrontend(t)
  const one = 'POST /generate?silent HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}'
  assert.equal(await sendRaw(t, origin, one + one), '')
  await until(() => frontend.openRequests === 0)
})

test('serves one request after the other on a connection', async t => {
  const { origin } = await openFrontend(t)
  const port = Number(new URL(origin).port)
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  let answer = ''
  socket.setEncoding('utf8').on('data', piece => {
    answer += String(piece)
  })
  socket.write('GET /v1/models?n=1 HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => answer.includes('n=1') && answer.endsWith('}'))
  socket.write('GET /v1/models?n=2 HTTP/1.1\r\nhost: a\r\n\r\n')
  await until(() => answer.includes('n=2') && answer.endsWith('}'))
  assert.ok(answer.indexOf('n=1') < answer.indexOf('n=2'))
})

test('leaves nothing open when a client leaves during its upload', async t => {
  const { origin, frontend } = await openFrontend(t)
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc')
  await until(() => frontend.openRequests === 1)
  socket.destroy()
  await until(() => frontend.openRequests === 0)
})
