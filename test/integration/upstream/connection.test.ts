/** Legs over connections: reuse, failures of every kind, the cap and its queue. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { resetSocket } from '../../../src/simulator/http/reset-socket.ts'
import { listen } from '../../support/listen.ts'
import { until } from '../../support/until.ts'
import { answerOf, ask, connectionsTo, NotedAnswer, post, rawEngine } from './raw-engine.ts'

test('uses one connection for requests that follow each other', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(answerOf('{"a":1}', 'X-Name: Value\r\n')))
  const connections = connectionsTo(t, engine.url)
  for (const _ of [1, 2, 3]) {
    const noted = await ask(connections)
    assert.deepEqual([noted.status, noted.text, noted.failure], [200, '{"a":1}', undefined])
    assert.deepEqual(noted.headers, ['content-length', '7', 'x-name', 'Value'])
  }
  assert.equal(engine.socketCount, 1)
  assert.equal(engine.requests[2]?.bodyBytes, 2)
})

test('skips 1xx answers and reads chunked bodies of a megabyte', async t => {
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
  const noted = await ask(connectionsTo(t, engine.url))
  assert.deepEqual(noted.headers, ['transfer-encoding', 'chunked'])
  assert.ok(Buffer.concat(noted.parts).equals(Buffer.concat(Array<Buffer>(11).fill(piece))))
})

for (const [name, interim] of [
  ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
  [
    '101 Switching Protocols',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
  ],
] as const) {
  test(`does not take a ${name} that was not asked for to be a reset of a kept connection`, async t => {
    const engine = await rawEngine(t, ({ socket, ordinal }) => {
      if (ordinal === 2) socket.write(interim)
      socket.write(answerOf('ok'))
    })
    const connections = connectionsTo(t, engine.url)
    await ask(connections)
    const { failure } = await ask(connections)
    assert.deepEqual([failure?.kind, failure?.isStaleSocket], ['protocol', false])
    assert.match(failure?.message ?? '', /interim answer/)
    assert.equal((await ask(connections)).text, 'ok')
  })
}

test('reads an answer that comes byte by byte, its head too', async t => {
  const whole = answerOf('hello', 'X-Long-Header-Name: some value\r\n')
  const engine = await rawEngine(t, ({ socket }) => {
    socket.setNoDelay(true)
    let at = 0
    const next = (): void => {
      if (at < whole.length) socket.write(whole.subarray(at, ++at), () => setImmediate(next))
    }
    next()
  })
  const noted = await ask(connectionsTo(t, engine.url))
  assert.deepEqual(noted.headers, ['content-length', '5', 'x-long-header-name', 'some value'])
  assert.equal(noted.text, 'hello')
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
  { name: 'by what is not HTTP', text: 'nonsense\r\n\r\n', how: 'end', kind: 'protocol' },
] as const

for (const { name, text, how, kind } of CUTS) {
  test(`reports an answer that is cut ${name}`, async t => {
    const engine = await rawEngine(t, ({ socket }) => {
      const cut = (): void => void (how === 'end' ? socket.end() : resetSocket(socket))
      if (text === '') cut()
      else socket.write(text, () => setImmediate(cut))
    })
    const connections = connectionsTo(t, engine.url)
    const noted = await ask(connections)
    assert.equal(noted.failure?.kind, kind, noted.failure?.message)
    assert.equal(noted.failure.isStaleSocket, false)
    assert.equal(noted.ends, 1)
    assert.equal(engine.requests.length, 1, 'sent once')
    await until(() => engine.openSockets.size === 0)
    assert.ok(connections.isEmpty)
  })
}

test('calls a connection stale that is closed on its next request, and does not send that again', async t => {
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 1) socket.write(answerOf('ok'))
    else socket.end()
  })
  const connections = connectionsTo(t, engine.url)
  await ask(connections)
  const second = await ask(connections)
  assert.deepEqual([second.failure?.kind, second.failure?.isStaleSocket], ['reset', true])
  assert.deepEqual([engine.requests.length, engine.socketCount], [2, 1])
  assert.equal((await ask(connections)).text, 'ok')
})

test('is not stale once a byte of the response has come', async t => {
  const engine = await rawEngine(t, ({ socket, ordinal }) => {
    if (ordinal === 1) socket.write(answerOf('ok'))
    else socket.end('HTTP/1.1 2')
  })
  const connections = connectionsTo(t, engine.url)
  await ask(connections)
  const second = await ask(connections)
  assert.deepEqual([second.failure?.kind, second.failure?.isStaleSocket], ['reset', false])
})

test('drops idle connections that the engine closes, and opens new ones', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end(answerOf('ok')))
  const connections = connectionsTo(t, engine.url)
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(connections)))
  assert.ok(answers.every(({ text }) => text === 'ok'))
  await until(() => connections.isEmpty)
  assert.equal((await ask(connections)).text, 'ok')
  assert.equal(engine.socketCount, 21)
})

test('closes a connection itself that has idled for too long', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(answerOf('ok')))
  const connections = connectionsTo(t, engine.url, { keepAliveMs: 20 })
  await ask(connections)
  await until(() => connections.isEmpty && engine.openSockets.size === 0)
})

test('takes an answer with "connection: close" as complete and does not use the connection again', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end(answerOf('ok', 'connection: close\r\n')))
  const connections = connectionsTo(t, engine.url)
  assert.equal((await ask(connections)).text, 'ok')
  assert.equal((await ask(connections)).text, 'ok')
  assert.equal(engine.socketCount, 2)
})

test('reads a body that only the close ends', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'))
  assert.equal((await ask(connectionsTo(t, engine.url))).text, 'all of it')
})

test('never takes a used connection for a fresh request, at the cap neither', async t => {
  const held: (() => void)[] = []
  const engine = await rawEngine(t, ({ socket, path }) => {
    const answer = (): void => void socket.write(answerOf('ok'))
    if (path === '/hold') held.push(answer)
    else answer()
  })
  const connections = connectionsTo(t, engine.url, { maxSockets: 1 })
  const fresh = post('/generate', { freshConnection: true })
  await ask(connections)
  await ask(connections, fresh)
  assert.equal(engine.socketCount, 2)
  const holding = ask(connections, post('/hold'))
  const queued = ask(connections, fresh)
  await until(() => held.length === 1)
  held[0]?.()
  await Promise.all([holding, queued])
  assert.deepEqual([engine.socketCount, engine.requests.at(-1)?.ordinal], [3, 1])
})

test('opens no more connections than the cap and serves the rest in order', async t => {
  const waiting: (() => void)[] = []
  const engine = await rawEngine(t, ({ socket, path }) =>
    waiting.push(() => void socket.write(answerOf(path))),
  )
  const connections = connectionsTo(t, engine.url, { maxSockets: 2 })
  const paths = Array.from({ length: 12 }, (_, n) => `/${n}`)
  const all = paths.map(path => ask(connections, post(path)))
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

test('names a refused connect, for each of those that wait', async t => {
  const server = createServer()
  const port = await listen(server)
  await new Promise(resolve => void server.close(resolve))
  const connections = connectionsTo(t, `http://127.0.0.1:${port}`, { maxSockets: 1 })
  for (const noted of await Promise.all([ask(connections), ask(connections), ask(connections)])) {
    assert.deepEqual([noted.failure?.kind, noted.failure?.isStaleSocket, noted.ends], ['connect', false, 1])
    assert.match(noted.failure?.message ?? '', /ECONNREFUSED/)
  }
  assert.ok(connections.isEmpty)
})

test('blames no engine for a request that cannot be written', async t => {
  const engine = await rawEngine(t, ({ socket }) => socket.write(answerOf('ok')))
  const connections = connectionsTo(t, engine.url)
  const noted = new NotedAnswer()
  connections.send(post('/generate', { headers: ['bad name', 'x'] }), noted)
  await noted.over
  assert.equal(noted.failure?.kind, 'invalid')
  assert.equal((await ask(connections)).text, 'ok')
})
