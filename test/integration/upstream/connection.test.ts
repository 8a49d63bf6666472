/** Requests over the connections of a pool: reuse, every kind of failure, the limit and the queue. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { resetSocket } from '../../../src/simulator/http/reset-socket.ts'
import { listen } from '../../support/listen.ts'
import { until } from '../../support/until.ts'
import { ask, poolTo, post, RecordedResponse, rawEngine, responseOf } from './raw-engine.ts'

test('uses one connection for consecutive requests', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf('{"a":1}', 'X-Name: Value\r\n')))
  const pool = poolTo(t, engine.url)
  for (const _ of [1, 2, 3]) {
    const response = await ask(pool)
    assert.deepEqual([response.status, response.text, response.failure], [200, '{"a":1}', undefined])
    assert.deepEqual(response.headers, ['content-length', '7', 'x-name', 'Value'])
  }
  assert.equal(engine.socketCount, 1)
  assert.equal(engine.requests[2]?.bodyBytes, 2)
})

test('a connection that has reached its age carries no further request', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf('ok')))
  const pool = poolTo(t, engine.url, { maxAgeMs: 0 })
  for (const _ of [1, 2, 3]) assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.socketCount, 3)
})

test('idle connections to an address that the name no longer has are closed, used ones after their response', async t => {
  const held: (() => void)[] = []
  let isFirst = true
  const engine = await rawEngine(t, ({ socket }) => {
    const answer = (): void => void socket.write(responseOf('ok'))
    if (isFirst) held.push(answer)
    else answer()
    isFirst = false
  })
  const pool = poolTo(t, engine.url)
  const slow = ask(pool)
  await until(() => held.length === 1)
  assert.equal((await ask(pool)).text, 'ok')
  pool.keepOnly(['127.0.0.1'])
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.socketCount, 2)
  pool.keepOnly(['192.0.2.1'])
  held[0]?.()
  assert.equal((await slow).text, 'ok')
  assert.ok(pool.isEmpty)
})

test('skips interim responses and reads a chunked body of a megabyte', async t => {
  const piece = Buffer.alloc(100_000, 'abcdefghij')
  const engine = await rawEngine(t, ({ socket }) => {
    socket.write(
      'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    for (let n = 0; n < 11; n++) {
      socket.write(`${piece.length.toString(16)}\r\n`)
      socket.write(piece)
      socket.write('\r\n')
    }
    socket.write('0\r\n\r\n')
  })
  const response = await ask(poolTo(t, engine.url))
  assert.deepEqual(response.headers, ['transfer-encoding', 'chunked'])
  assert.ok(Buffer.concat(response.parts).equals(Buffer.concat(Array<Buffer>(11).fill(piece))))
})

const INTERIM = {
  'a 100 Continue': 'HTTP/1.1 100 Continue\r\n\r\n',
  'a 102 Processing with headers': 'HTTP/1.1 102 Processing\r\nx: y\r\ncontent-length: 7\r\n\r\n',
  'several of them':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 199 X\r\n\r\n',
}

for (const [name, interim] of Object.entries(INTERIM))
  for (const isSplit of [false, true])
    test(`skips interim responses that were not requested: ${name}, ${isSplit ? 'byte by byte' : 'at once'}`, async t => {
      const engine = await rawEngine(t, ({ socket }) => {
        const bytes = Buffer.concat([Buffer.from(interim), responseOf('ok')])
        if (isSplit) writeByteByByte(socket, bytes)
        else socket.write(bytes)
      })
      const pool = poolTo(t, engine.url)
      for (const _ of [1, 2]) {
        const { status, text, headers, failure } = await ask(pool)
        assert.deepEqual([status, text, headers, failure], [200, 'ok', ['content-length', '2'], undefined])
      }
      assert.equal(engine.socketCount, 1)
    })

test('does not mistake an unrequested 101 Switching Protocols for a reset of a reused connection', async t => {
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 2)
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
    socket.write(responseOf('ok'))
  })
  const pool = poolTo(t, engine.url)
  await ask(pool)
  const { failure } = await ask(pool)
  assert.deepEqual([failure?.kind, failure?.isStaleSocket], ['protocol', false])
  assert.match(failure?.message ?? '', /interim response/)
  assert.equal((await ask(pool)).text, 'ok')
})

for (const [name, lengths] of [
  ['two headers', 'content-length: 2\r\nContent-Length: 2\r\n'],
  ['a list', 'content-length: 2, 2\r\n'],
  ['three, with other headers between them', 'CONTENT-LENGTH:2\r\nx: y\r\ncontent-length: 2 ,2\r\n'],
] as const)
  test(`takes equal content-lengths for one: ${name}`, async t => {
    const engine = await rawEngine(t, ({ socket }) =>
      socket.write(`HTTP/1.1 200 OK\r\n${lengths}x-last: 1\r\n\r\nok`),
    )
    const pool = poolTo(t, engine.url)
    for (const _ of [1, 2]) {
      const { text, headers, failure } = await ask(pool)
      assert.deepEqual([text, failure], ['ok', undefined])
      assert.equal(headers.filter(header => header === 'content-length').length, 1)
      assert.equal(headers.filter(header => header === 'x-last').length, 1)
    }
    assert.equal(engine.socketCount, 1)
  })

for (const lengths of [
  'content-length: 2\r\ncontent-length: 3\r\n',
  'content-length: 2, x\r\n',
  'content-length: \r\n',
])
  test(`rejects the content-lengths ${JSON.stringify(lengths)}`, async t => {
    const engine = await rawEngine(t, ({ socket }) => socket.write(`HTTP/1.1 200 OK\r\n${lengths}\r\nok`))
    const { failure } = await ask(poolTo(t, engine.url))
    assert.equal(failure?.kind, 'protocol')
  })

test('takes a 408 on a reused connection for its end, and one on a new connection for the response', async t => {
  const timeout = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
  const engine = await rawEngine(t, ({ socket, ordinal, path }) => {
    if (ordinal === 2 || path === '/new') socket.end(timeout)
    else socket.write(responseOf('ok'))
  })
  const pool = poolTo(t, engine.url)
  await ask(pool)
  const reused = await ask(pool)
  assert.deepEqual([reused.failure?.kind, reused.failure?.isStaleSocket, reused.status], ['reset', true, 0])
  const fresh = await ask(pool, post('/new', { freshConnection: true }))
  assert.deepEqual([fresh.status, fresh.failure], [408, undefined])
})

test('never takes a late response on a kept-alive connection for the response to the next request', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    socket.write(responseOf(path))
    if (path === '/twice') socket.write(responseOf('late'))
  })
  const pool = poolTo(t, engine.url)
  assert.equal((await ask(pool, post('/twice'))).text, '/twice')
  assert.equal((await ask(pool, post('/next'))).text, '/next')
  assert.equal((await ask(pool, post('/last'))).text, '/last')
})

test('keeps a connection whose response was left before its end, once that has come', async t => {
  const { promise: isLeft, resolve: leave } = Promise.withResolvers<void>()
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 2) return void socket.write(responseOf('ok'))
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n')
    void isLeft.then(() => socket.write('4\r\nlate\r\n0\r\n\r\n'))
  })
  const pool = poolTo(t, engine.url)
  const response = new RecordedResponse({
    onData: () => {
      request.leave()
      request.abort()
      leave()
    },
  })
  const request = pool.send(post(), response)
  await until(() => request.isDone)
  assert.deepEqual([response.text, response.ends], ['a', 0])
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.socketCount, 1)
})

test('reads a response that arrives byte by byte, head included', async t => {
  const whole = responseOf('hello', 'X-Long-Header-Name: some value\r\n')
  const engine = await rawEngine(t, ({ socket }) => {
    writeByteByByte(socket, whole)
  })
  const response = await ask(poolTo(t, engine.url))
  assert.deepEqual(response.headers, ['content-length', '5', 'x-long-header-name', 'some value'])
  assert.equal(response.text, 'hello')
})

const HALF = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345'
const HALF_CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n12345'
const CUTS = [
  { name: 'before the head by a close', text: '', how: 'end', kind: 'reset' },
  { name: 'before the head by a reset', text: '', how: 'reset', kind: 'reset' },
  { name: 'inside the head', text: 'HTTP/1.1 200 OK\r\ncont', how: 'end', kind: 'reset' },
  { name: 'in the body by a close', text: HALF, how: 'end', kind: 'reset' },
  { name: 'in the body by a reset', text: HALF, how: 'reset', kind: 'reset' },
  { name: 'in a chunked body by a close', text: HALF_CHUNKED, how: 'end', kind: 'reset' },
  { name: 'in a chunked body by a reset', text: HALF_CHUNKED, how: 'reset', kind: 'reset' },
  { name: 'by bytes that are not HTTP', text: 'nonsense\r\n\r\n', how: 'end', kind: 'protocol' },
] as const

for (const { name, text, how, kind } of CUTS) {
  test(`reports a response that is cut ${name}`, async t => {
    const engine = await rawEngine(t, ({ socket }) => {
      const cut = (): void => void (how === 'end' ? socket.end() : resetSocket(socket))
      if (text === '') cut()
      else socket.write(text, () => setImmediate(cut))
    })
    const pool = poolTo(t, engine.url)
    const response = await ask(pool)
    assert.equal(response.failure?.kind, kind, response.failure?.message)
    assert.equal(response.failure.isStaleSocket, false)
    assert.equal(response.ends, 1)
    assert.equal(engine.requests.length, 1, 'sent once')
    await until(() => engine.openSockets.size === 0)
    assert.ok(pool.isEmpty)
  })
}

test('reports a stale socket if a reused connection is closed before the response, and does not resend', async t => {
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 1) socket.write(responseOf('ok'))
    else socket.end()
  })
  const pool = poolTo(t, engine.url)
  await ask(pool)
  const second = await ask(pool)
  assert.deepEqual([second.failure?.kind, second.failure?.isStaleSocket], ['reset', true])
  assert.deepEqual([engine.requests.length, engine.socketCount], [2, 1])
  assert.equal((await ask(pool)).text, 'ok')
})

test('does not report a stale socket once a byte of the response has arrived', async t => {
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 1) socket.write(responseOf('ok'))
    else socket.end('HTTP/1.1 2')
  })
  const pool = poolTo(t, engine.url)
  await ask(pool)
  const second = await ask(pool)
  assert.deepEqual([second.failure?.kind, second.failure?.isStaleSocket], ['reset', false])
})

test('removes idle connections that the engine closes, and opens new ones', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end(responseOf('ok')))
  const pool = poolTo(t, engine.url)
  const responses = await Promise.all(Array.from({ length: 20 }, () => ask(pool)))
  assert.ok(responses.every(({ text }) => text === 'ok'))
  await until(() => pool.isEmpty)
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.socketCount, 21)
})

test('closes a connection that has been idle for too long', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf('ok')))
  const pool = poolTo(t, engine.url, { keepAliveMs: 20 })
  await ask(pool)
  await until(() => pool.isEmpty && engine.openSockets.size === 0)
})

test('accepts a response with "connection: close" and does not reuse the connection', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end(responseOf('ok', 'connection: close\r\n')))
  const pool = poolTo(t, engine.url)
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.socketCount, 2)
})

test('reads a body that ends with the connection', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'))
  assert.equal((await ask(poolTo(t, engine.url))).text, 'all of it')
})

test('never uses a used connection for a request that requires a fresh one, not even at the limit', async t => {
  const held: (() => void)[] = []
  const engine = await rawEngine(t, ({ socket, path }) => {
    const respond = (): void => void socket.write(responseOf('ok'))
    if (path === '/hold') held.push(respond)
    else respond()
  })
  const pool = poolTo(t, engine.url, { maxSockets: 1 })
  const fresh = post('/generate', { freshConnection: true })
  await ask(pool)
  await ask(pool, fresh)
  assert.equal(engine.socketCount, 2)
  const holding = ask(pool, post('/hold'))
  const queued = ask(pool, fresh)
  await until(() => held.length === 1)
  held[0]?.()
  await Promise.all([holding, queued])
  assert.deepEqual([engine.socketCount, engine.requests.at(-1)?.ordinal], [3, 1])
})

test('opens no more connections than the limit and serves the rest in order', async t => {
  const waiting: (() => void)[] = []
  const engine = await rawEngine(t, ({ socket, path }) =>
    waiting.push(() => void socket.write(responseOf(path))),
  )
  const pool = poolTo(t, engine.url, { maxSockets: 2 })
  const paths = Array.from({ length: 12 }, (_, n) => `/${n}`)
  const all = paths.map(path => ask(pool, post(path)))
  for (let n = 0; n < paths.length; n++) {
    await until(() => waiting.length > 0)
    assert.ok(waiting.length <= 2)
    waiting.shift()?.()
  }
  assert.deepEqual(
    (await Promise.all(all)).map(({ text }) => text),
    paths,
  )
  assert.equal(engine.socketCount, 2)
  const order = engine.requests.map(({ path }) => Number(path.slice(1)))
  assert.deepEqual(
    order.slice(2),
    order.slice(2).toSorted((a, b) => a - b),
  )
})

test('reports a refused connect to every waiting request', async t => {
  const server = createServer()
  const port = await listen(server)
  await new Promise(resolve => void server.close(resolve))
  const pool = poolTo(t, `http://127.0.0.1:${port}`, { maxSockets: 1 })
  for (const response of await Promise.all([ask(pool), ask(pool), ask(pool)])) {
    assert.deepEqual(
      [response.failure?.kind, response.failure?.isStaleSocket, response.ends],
      ['connect', false, 1],
    )
    assert.match(response.failure?.message ?? '', /ECONNREFUSED/)
  }
  assert.ok(pool.isEmpty)
})

test('classifies a request that cannot be written as invalid', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf('ok')))
  const pool = poolTo(t, engine.url)
  const response = new RecordedResponse()
  pool.send(post('/generate', { headers: ['bad name', 'x'] }), response)
  await response.over
  assert.equal(response.failure?.kind, 'invalid')
  assert.equal((await ask(pool)).text, 'ok')
})

function writeByteByByte(socket: Socket, bytes: Buffer): void {
  socket.setNoDelay(true)
  let offset = 0
  const next = (): void => {
    if (offset < bytes.length) socket.write(bytes.subarray(offset, ++offset), () => setImmediate(next))
  }
  next()
}
