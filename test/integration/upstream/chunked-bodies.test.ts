/** Chunked bodies, however they are split: whole chunks bypass the parser, everything else goes through it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '../../../src/core/random.ts'
import { until } from '../../support/until.ts'
import { ask, poolTo, post, RecordedResponse, rawEngine, responseOf } from './raw-engine.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
const size = (data: string) => Buffer.byteLength(data).toString(16)

/** Most servers write a chunk with its line end; uWebSockets.js writes the line end with the next chunk. */
const WAYS = {
  'line end with its chunk': (chunks: readonly string[]) => [
    `${HEAD}\r\n`,
    ...chunks.map(data => `${size(data)}\r\n${data}\r\n`),
    '0\r\n\r\n',
  ],
  'line end with the next chunk': (chunks: readonly string[]) => [
    HEAD,
    ...chunks.map(data => `\r\n${size(data)}\r\n${data}`),
    '\r\n0\r\n\r\n',
  ],
} as const

async function engineOf(t: TestContext, writesOf: (path: string) => readonly (string | Buffer)[]) {
  return rawEngine(t, ({ socket, path }) => {
    const writes = [...writesOf(path)]
    const next = (): void => {
      const bytes = writes.shift()
      if (bytes !== undefined && !socket.destroyed)
        socket.write(bytes, () => setImmediate(() => setImmediate(next)))
    }
    next()
  })
}

for (const [way, write] of Object.entries(WAYS)) {
  test(`delivers the chunks of one read as one piece, ${way}`, async t => {
    const chunks = ['first', 'second', 'third', 'fourth', 'fifth']
    const [head = '', one = '', two = '', three = '', four = '', five = '', end = ''] = write(chunks)
    const writes: string[] = []
    const writers: (() => void)[] = []
    const engine = await rawEngine(t, ({ socket }) => {
      writes.push(head + one, two + three, four + five, end)
      const writeNext = (): void => void socket.write(writes.shift() ?? '')
      writers.push(writeNext)
      writeNext()
    })
    const pool = poolTo(t, engine.url)
    for (let round = 0; round < 3; round++) {
      // Each write is one read: the engine makes the next one when the data of the last one has arrived.
      const response = new RecordedResponse({ onData: () => writers.at(-1)?.() })
      pool.send(post(), response)
      await response.over
      assert.deepEqual([response.ends, response.failure], [1, undefined])
      // The parser would report each chunk separately.
      assert.deepEqual(response.parts.map(String), ['first', 'secondthird', 'fourthfifth'])
    }
    assert.equal(engine.socketCount, 1)
  })

  test(`delivers bodies that are split at random completely and in order, ${way}, paused or not`, async t => {
    const random = seededRandom(way.length)
    const bodies = new Map<string, string[]>()
    for (let n = 0; n < 150; n++) {
      const text = () => `${n}:${'\r\n5\r\nx'.repeat(Math.floor(random() * 40))}`
      bodies.set(`/${n}`, Array.from({ length: 1 + Math.floor(random() * 30) }, text))
    }
    const engine = await engineOf(t, path => cutAtRandom(write(bodies.get(path) ?? []), random))
    const pool = poolTo(t, engine.url, { maxSockets: 20 })
    const all = [...bodies].map(([path, chunks], n) => {
      const response = new RecordedResponse({
        onData() {
          if (n % 2 === 0 || response.parts.length % 3 > 0) return
          request.pause()
          setImmediate(() => request.resume())
        },
      })
      const request = pool.send(post(path), response)
      return { response, chunks }
    })
    await Promise.all(all.map(({ response }) => response.over))
    for (const { response, chunks } of all) {
      assert.deepEqual([response.text, response.ends, response.failure], [chunks.join(''), 1, undefined])
    }
  })
}

/** Joins some of the writes and splits others in two. */
function cutAtRandom(writes: readonly string[], random: () => number): Buffer[] {
  const bytes = Buffer.from(writes.join(''))
  const ends = writes.map((_, at) => Buffer.byteLength(writes.slice(0, at + 1).join('')))
  const cuts = ends.map(end => (random() < 0.3 ? Math.max(1, end - Math.floor(random() * 9)) : end))
  const kept = [0, ...cuts.filter(() => random() < 0.7), bytes.length].toSorted((a, b) => a - b)
  return kept
    .slice(1)
    .map((end, at) => bytes.subarray(kept[at], end))
    .filter(piece => piece.length > 0)
}

test('extensions and trailers go through the parser, between chunks that bypass it', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n',
    '5;name=value\r\nthree\r\n',
    '4\r\nfour\r\n',
    '4\r\nfive\r\n',
    '0\r\nx-trailer: yes\r\n\r\n',
  ])
  const response = await ask(poolTo(t, engine.url))
  assert.deepEqual([response.text, response.ends, response.failure], ['onetwothreefourfive', 1, undefined])
})

test('an invalid chunk after valid ones fails the request, after their data', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n',
    'no chunk at all\r\n',
  ])
  const response = await ask(poolTo(t, engine.url))
  assert.deepEqual([response.text, response.ends, response.failure?.kind], ['onetwo', 1, 'protocol'])
})

test('a paused request receives no more data, and all of it once it is resumed', async t => {
  const data = 'y'.repeat(1_000)
  const count = 20_000
  let written = 0
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/meanwhile') return void socket.write(responseOf(data.repeat(count)))
    socket.write(`${HEAD}\r\n`)
    const chunk = `${size(data)}\r\n${data}\r\n`
    const writeMore = (): void => {
      for (let hasRoom = true; hasRoom && written < count; written++) hasRoom = socket.write(chunk)
      if (written === count) socket.write('0\r\n\r\n')
      else socket.once('drain', writeMore)
    }
    writeMore()
  })
  const isPaused = Promise.withResolvers<void>()
  const response = new RecordedResponse({
    onData() {
      if (response.parts.length !== 3) return
      request.pause()
      isPaused.resolve()
    },
  })
  const pool = poolTo(t, engine.url)
  const request = pool.send(post(), response)
  await isPaused.promise
  // Meanwhile a request that is not paused receives as much from the same engine, which is time enough for this one.
  assert.equal((await ask(pool, post('/meanwhile'))).bytes, count * data.length)
  assert.equal(response.parts.length, 3)
  assert.ok(written < count, 'TCP back pressure stops the engine from writing')
  request.resume()
  await response.over
  assert.deepEqual([response.bytes, response.failure], [count * data.length, undefined])
})

test('a request that is aborted inside a chunk gets no further callback, and its socket is closed', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n5\r\nthree',
    '\r\n',
    '0\r\n\r\n',
  ])
  const response = new RecordedResponse({
    onData() {
      if (response.text === 'onetwo') request.abort()
    },
  })
  const request = poolTo(t, engine.url).send(post(), response)
  await until(() => engine.closedCount === 1)
  assert.deepEqual([response.text, response.ends], ['onetwo', 0])
})

test('a handler that throws fails its own request only', async t => {
  const engine = await engineOf(t, () => [`${HEAD}\r\n`, '3\r\none\r\n', '3\r\ntwo\r\n', '0\r\n\r\n'])
  const pool = poolTo(t, engine.url)
  const response = new RecordedResponse({
    onData() {
      if (response.text === 'onetwo') throw new Error('a fault of the handler')
    },
  })
  pool.send(post(), response)
  await response.over
  assert.match(response.failure?.message ?? '', /a fault of the handler/)
  assert.equal((await ask(pool)).text, 'onetwo')
})
