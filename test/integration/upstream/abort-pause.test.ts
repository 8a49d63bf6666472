/** Aborts in every phase, back pressure, and handlers that act from within their callbacks. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { resetSocket } from '../../../src/simulator/http/reset-socket.ts'
import type { EnginePool } from '../../../workers/upstream/engine-pool.ts'
import type { RequestHandle } from '../../../workers/upstream/types.ts'
import { until } from '../../support/until.ts'
import { ask, poolTo, post, type RawEngine, RecordedResponse, rawEngine, responseOf } from './raw-engine.ts'

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n'

interface Setup {
  readonly engine: RawEngine
  readonly pool: EnginePool
}

/** At most one connection. The engine sends nothing for `/silent`, a head for `/head`, part of a body for `/part`. */
async function oneConnection(t: TestContext): Promise<Setup> {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/generate') socket.write(responseOf('ok'))
    if (path === '/head') socket.write(HEAD)
    if (path === '/part') socket.write(`${HEAD}part`)
  })
  return { engine, pool: poolTo(t, engine.url, { maxSockets: 1 }) }
}

const PHASES = [
  { path: '/silent', hasCome: (_: RecordedResponse, engine: RawEngine) => engine.requests.length === 1 },
  { path: '/head', hasCome: (response: RecordedResponse) => response.status === 200 },
  { path: '/part', hasCome: (response: RecordedResponse) => response.bytes > 0 },
]

for (const { path, hasCome } of PHASES) {
  test(`an abort closes the connection and lets the next request open one, after ${path}`, async t => {
    const { engine, pool } = await oneConnection(t)
    const response = new RecordedResponse()
    const request = pool.send(post(path), response)
    const next = ask(pool)
    await until(() => hasCome(response, engine))
    const [socket] = engine.openSockets
    assert.ok(socket)
    request.abort()
    request.abort()
    assert.equal((await next).text, 'ok')
    await until(() => socket.destroyed)
    assert.equal(response.ends, 0)
  })
}

test('an abort during the connect leaves no connection', async t => {
  const { engine, pool } = await oneConnection(t)
  const response = new RecordedResponse()
  pool.send(post(), response).abort()
  assert.ok(pool.isEmpty)
  assert.equal((await ask(pool)).text, 'ok')
  assert.equal(engine.requests.length, 1)
  await until(() => engine.openSockets.size === 1)
  assert.equal(response.ends, 0)
})

test('an abort of a waiting request does not affect the others', async t => {
  const { engine, pool } = await oneConnection(t)
  const first = pool.send(post('/silent'), new RecordedResponse())
  const gone = new RecordedResponse()
  const request = pool.send(post('/gone'), gone)
  const next = ask(pool)
  request.abort()
  first.abort()
  assert.equal((await next).text, 'ok')
  assert.ok(engine.requests.every(({ path }) => path !== '/gone'))
  assert.equal(gone.ends, 0)
})

test('a connect without a reply is a connect timeout', async t => {
  const url = await deafListener(t)
  const pool = poolTo(t, url, { connectMs: 300, maxSockets: 64 })
  // The kernel accepts as many as fit its queue; the rest get no reply.
  const all = Array.from({ length: 8 }, () => new RecordedResponse())
  const requests = all.map(response => pool.send(post(), response))
  await until(() => all.some(response => response.failure !== undefined))
  for (const request of requests) request.abort()
  const failed = all.find(response => response.failure !== undefined)
  assert.equal(failed?.failure?.kind, 'connect-timeout', failed?.failure?.message)
})

/** Listens with the shortest queue and never accepts, because its thread is blocked. */
async function deafListener(t: TestContext): Promise<string> {
  const thread = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
     })`,
    { eval: true },
  )
  t.after(() => thread.terminate())
  const [port] = await once(thread, 'message')
  return `http://127.0.0.1:${port}`
}

test('a paused request stops the engine and loses nothing when it resumes', async t => {
  const piece = Buffer.alloc(64 * 1024, 'x')
  const pieces = 512
  const whole = Buffer.alloc(piece.length * pieces, 'x')
  let written = 0
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/meanwhile') return void socket.write(responseOf(whole))
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${whole.length}\r\n\r\n`)
    const writeMore = (): void => {
      while (written < pieces) {
        written++
        if (!socket.write(piece)) return
      }
    }
    socket.on('drain', writeMore)
    writeMore()
  })
  const pool = poolTo(t, engine.url)
  const paused = Promise.withResolvers<number>()
  const response = new RecordedResponse({
    onData() {
      if (response.parts.length > 1) return
      request.pause()
      paused.resolve(response.bytes)
    },
  })
  const request = pool.send(post(), response)
  const before = await paused.promise
  // Meanwhile a request that is not paused receives as much from the same engine, which is time enough for this one.
  assert.equal((await ask(pool, post('/meanwhile'))).bytes, whole.length)
  assert.ok(written < pieces, 'the engine is held back')
  assert.equal(response.bytes, before)
  request.resume()
  await response.over
  assert.equal(response.bytes, whole.length)
})

test('a request that pauses and resumes on every chunk receives all bytes in order', async t => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf(body)))
  const response = new RecordedResponse({
    onData() {
      request.pause()
      setImmediate(() => request.resume())
    },
    onHead: () => request.pause(),
  })
  const request = poolTo(t, engine.url).send(post(), response)
  await until(() => response.status === 200)
  assert.equal(response.bytes, 0)
  request.resume()
  await response.over
  assert.ok(Buffer.concat(response.parts).equals(body))
})

test('a request may be resumed from within onData of another', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => socket.write(responseOf(path.repeat(20_000))))
  const pool = poolTo(t, engine.url)
  const first = new RecordedResponse({ onHead: () => firstRequest.pause() })
  const firstRequest = pool.send(post('/first'), first)
  await until(() => first.status === 200)
  const second = new RecordedResponse({ onData: () => firstRequest.resume() })
  pool.send(post('/second'), second)
  await Promise.all([first.over, second.over])
  assert.equal(first.text, '/first'.repeat(20_000))
  assert.equal(second.text, '/second'.repeat(20_000))
})

test('requests aborted from within onData of one of them end without a callback', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/generate') socket.write(responseOf('ok'))
    else socket.write(`${HEAD}part`)
  })
  const pool = poolTo(t, engine.url, { maxSockets: 4 })
  const requests: RequestHandle[] = []
  const responses = Array.from(
    { length: 6 },
    () => new RecordedResponse({ onData: () => requests.forEach(abort) }),
  )
  const after = new RecordedResponse()
  for (const response of responses) requests.push(pool.send(post('/part'), response))
  pool.send(post(), after)
  await after.over
  assert.equal(after.text, 'ok')
  assert.ok(responses.every(({ ends }) => ends === 0))
  assert.equal(responses.filter(({ bytes }) => bytes > 0).length, 1)
})

function abort(request: RequestHandle): void {
  request.abort()
}

test('handlers may send another request from within onEnd and onError', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/bad') resetSocket(socket)
    else socket.write(responseOf('ok'))
  })
  for (const maxSockets of [1, 3]) {
    const pool = poolTo(t, engine.url, { maxSockets })
    let remaining = 300
    const ends = { complete: 0, failed: 0 }
    const done = Promise.withResolvers<void>()
    const sendNext = (): void => {
      if (ends.complete + ends.failed === 300) done.resolve()
      if (remaining-- <= 0) return
      const next = new RecordedResponse({
        onEnd() {
          ends.complete++
          sendNext()
        },
        onError() {
          ends.failed++
          sendNext()
        },
      })
      pool.send(
        post(remaining % 3 === 0 ? '/bad' : '/generate', { freshConnection: remaining % 7 === 0 }),
        next,
      )
    }
    for (let n = 0; n < 5; n++) sendNext()
    await done.promise
    assert.deepEqual(ends, { complete: 200, failed: 100 })
  }
})
