/** Aborts in every phase, back pressure, and handlers that act from inside their own calls. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { resetSocket } from '../../../bench/simulator/reset-socket.ts'
import type { EngineConnections } from '../../../workers/upstream/engine-connections.ts'
import type { LegHandle } from '../../../workers/upstream/leg.ts'
import { until } from '../../support/until.ts'
import { answerOf, ask, connectionsTo, NotedAnswer, post, type RawEngine, rawEngine } from './raw-engine.ts'

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n'

interface House {
  readonly engine: RawEngine
  readonly connections: EngineConnections
}

/** One place only. The engine says nothing to `/silent`, a head to `/head`, a part of a body to `/part`. */
async function oneConnection(t: TestContext): Promise<House> {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/generate') socket.write(answerOf('ok'))
    if (path === '/head') socket.write(HEAD)
    if (path === '/part') socket.write(`${HEAD}part`)
  })
  return { engine, connections: connectionsTo(t, engine.url, { maxSockets: 1 }) }
}

const PHASES = [
  { path: '/silent', hasCome: (_: NotedAnswer, engine: RawEngine) => engine.requests.length === 1 },
  { path: '/head', hasCome: (noted: NotedAnswer) => noted.status === 200 },
  { path: '/part', hasCome: (noted: NotedAnswer) => noted.bytes > 0 },
]

for (const { path, hasCome } of PHASES) {
  test(`an abort closes the connection and gives its place to the next, after ${path}`, async t => {
    const { engine, connections } = await oneConnection(t)
    const noted = new NotedAnswer()
    const leg = connections.send(post(path), noted)
    const next = ask(connections)
    await until(() => hasCome(noted, engine))
    const [socket] = engine.openSockets
    assert.ok(socket)
    leg.abort()
    leg.abort()
    assert.equal((await next).text, 'ok')
    await until(() => socket.destroyed)
    assert.equal(noted.ends, 0)
  })
}

test('an abort while it connects leaves no connection', async t => {
  const { engine, connections } = await oneConnection(t)
  const noted = new NotedAnswer()
  connections.send(post(), noted).abort()
  assert.ok(connections.isEmpty)
  assert.equal((await ask(connections)).text, 'ok')
  assert.equal(engine.requests.length, 1)
  await until(() => engine.openSockets.size === 1)
  assert.equal(noted.ends, 0)
})

test('an abort in the queue takes nothing away from the others', async t => {
  const { engine, connections } = await oneConnection(t)
  const first = connections.send(post('/silent'), new NotedAnswer())
  const gone = new NotedAnswer()
  const leg = connections.send(post('/gone'), gone)
  const next = ask(connections)
  leg.abort()
  first.abort()
  assert.equal((await next).text, 'ok')
  assert.ok(engine.requests.every(({ path }) => path !== '/gone'))
  assert.equal(gone.ends, 0)
})

test('a connect that gets no answer is a connect timeout', async t => {
  const url = await deafListener(t)
  const connections = connectionsTo(t, url, { connectMs: 300, maxSockets: 64 })
  // The kernel accepts as many as fit its queue; the rest hear nothing.
  const all = Array.from({ length: 8 }, () => new NotedAnswer())
  const legs = all.map(noted => connections.send(post(), noted))
  await until(() => all.some(noted => noted.failure !== undefined))
  for (const leg of legs) leg.abort()
  const failed = all.find(noted => noted.failure !== undefined)
  assert.equal(failed?.failure?.kind, 'connect-timeout', failed?.failure?.message)
})

/** Listens with the shortest queue and never accepts: its thread is asleep. */
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

test('a paused leg stops the engine, and loses nothing when it goes on', async t => {
  const piece = Buffer.alloc(64 * 1024, 'x')
  const pieces = 512
  const whole = Buffer.alloc(piece.length * pieces, 'x')
  let written = 0
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/meanwhile') return void socket.write(answerOf(whole))
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${whole.length}\r\n\r\n`)
    const more = (): void => {
      while (written < pieces) {
        written++
        if (!socket.write(piece)) return
      }
    }
    socket.on('drain', more)
    more()
  })
  const connections = connectionsTo(t, engine.url)
  const paused = Promise.withResolvers<number>()
  const noted = new NotedAnswer({
    onData() {
      if (noted.parts.length > 1) return
      leg.pause()
      paused.resolve(noted.bytes)
    },
  })
  const leg = connections.send(post(), noted)
  const before = await paused.promise
  // As much comes from the same engine to a leg that is not paused: what this one could get it has got by then.
  assert.equal((await ask(connections, post('/meanwhile'))).bytes, whole.length)
  assert.ok(written < pieces, 'the engine is held up')
  assert.equal(noted.bytes, before)
  leg.resume()
  await noted.over
  assert.equal(noted.bytes, whole.length)
})

test('a leg that pauses and goes on at every piece has all bytes in order', async t => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))
  const engine = await rawEngine(t, ({ socket }) => socket.write(answerOf(body)))
  const noted = new NotedAnswer({
    onData() {
      leg.pause()
      setImmediate(() => leg.resume())
    },
    onHead: () => leg.pause(),
  })
  const leg = connectionsTo(t, engine.url).send(post(), noted)
  await until(() => noted.status === 200)
  assert.equal(noted.bytes, 0)
  leg.resume()
  await noted.over
  assert.ok(Buffer.concat(noted.parts).equals(body))
})

test('a leg may go on from inside the data of another', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => socket.write(answerOf(path.repeat(20_000))))
  const connections = connectionsTo(t, engine.url)
  const first = new NotedAnswer({ onHead: () => firstLeg.pause() })
  const firstLeg = connections.send(post('/first'), first)
  await until(() => first.status === 200)
  const second = new NotedAnswer({ onData: () => firstLeg.resume() })
  connections.send(post('/second'), second)
  await Promise.all([first.over, second.over])
  assert.equal(first.text, '/first'.repeat(20_000))
  assert.equal(second.text, '/second'.repeat(20_000))
})

test('legs aborted from inside the data of one of them end quietly', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/generate') socket.write(answerOf('ok'))
    else socket.write(`${HEAD}part`)
  })
  const connections = connectionsTo(t, engine.url, { maxSockets: 4 })
  const legs: LegHandle[] = []
  const answers = Array.from({ length: 6 }, () => new NotedAnswer({ onData: () => legs.forEach(abort) }))
  const after = new NotedAnswer()
  for (const noted of answers) legs.push(connections.send(post('/part'), noted))
  connections.send(post(), after)
  await after.over
  assert.equal(after.text, 'ok')
  assert.ok(answers.every(({ ends }) => ends === 0))
  assert.equal(answers.filter(({ bytes }) => bytes > 0).length, 1)
})

function abort(leg: LegHandle): void {
  leg.abort()
}

test('handlers may send again from inside onEnd and onFail', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/bad') resetSocket(socket)
    else socket.write(answerOf('ok'))
  })
  for (const maxSockets of [1, 3]) {
    const connections = connectionsTo(t, engine.url, { maxSockets })
    let left = 300
    const ends = { answered: 0, failed: 0 }
    const done = Promise.withResolvers<void>()
    const sendNext = (): void => {
      if (ends.answered + ends.failed === 300) done.resolve()
      if (left-- <= 0) return
      const more = new NotedAnswer({
        onEnd() {
          ends.answered++
          sendNext()
        },
        onFail() {
          ends.failed++
          sendNext()
        },
      })
      connections.send(post(left % 3 === 0 ? '/bad' : '/generate', { isFresh: left % 7 === 0 }), more)
    }
    for (let n = 0; n < 5; n++) sendNext()
    // oxlint-disable-next-line no-await-in-loop -- one size after the other
    await done.promise
    assert.deepEqual(ends, { answered: 200, failed: 100 })
  }
})
