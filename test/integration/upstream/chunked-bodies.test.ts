/** Chunked bodies, whichever way they are cut: whole chunks go past the parser, all else through it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { seededRandom } from '../../support/seeded-random.ts'
import { until } from '../../support/until.ts'
import { answerOf, ask, connectionsTo, NotedAnswer, post, rawEngine } from './raw-engine.ts'

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'
const size = (data: string) => Buffer.byteLength(data).toString(16)

/** As most servers write: a chunk and its line end. As uWebSockets writes: the line end with the next chunk. */
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
  test(`the chunks of one read come as one piece, ${way}`, async t => {
    const chunks = ['first', 'second', 'third', 'fourth', 'fifth']
    const [head = '', one = '', two = '', three = '', four = '', five = '', end = ''] = write(chunks)
    const writes: string[] = []
    const next: (() => void)[] = []
    const engine = await rawEngine(t, ({ socket }) => {
      writes.push(head + one, two + three, four + five, end)
      const writeNext = (): void => void socket.write(writes.shift() ?? '')
      next.push(writeNext)
      writeNext()
    })
    const connections = connectionsTo(t, engine.url)
    for (let round = 0; round < 3; round++) {
      // One write is one read: the next one is made when its data have come.
      const noted = new NotedAnswer({ onData: () => next.at(-1)?.() })
      connections.send(post(), noted)
      // oxlint-disable-next-line no-await-in-loop -- one after the other, on one connection
      await noted.over
      assert.deepEqual([noted.ends, noted.failure], [1, undefined])
      // The parser would give each chunk by itself.
      assert.deepEqual(noted.parts.map(String), ['first', 'secondthird', 'fourthfifth'])
    }
    assert.equal(engine.socketCount, 1)
  })

  test(`bodies cut at random come whole and in order, ${way}, paused or not`, async t => {
    const random = seededRandom(way.length)
    const bodies = new Map<string, string[]>()
    for (let n = 0; n < 150; n++) {
      const text = () => `${n}:${'\r\n5\r\nx'.repeat(Math.floor(random() * 40))}`
      bodies.set(`/${n}`, Array.from({ length: 1 + Math.floor(random() * 30) }, text))
    }
    const engine = await engineOf(t, path => cutAtRandom(write(bodies.get(path) ?? []), random))
    const connections = connectionsTo(t, engine.url, { maxSockets: 20 })
    const all = [...bodies].map(([path, chunks], n) => {
      const noted = new NotedAnswer({
        onData() {
          if (n % 2 === 0 || noted.parts.length % 3 > 0) return
          leg.pause()
          setImmediate(() => leg.resume())
        },
      })
      const leg = connections.send(post(path), noted)
      return { noted, chunks }
    })
    await Promise.all(all.map(({ noted }) => noted.over))
    for (const { noted, chunks } of all) {
      assert.deepEqual([noted.text, noted.ends, noted.failure], [chunks.join(''), 1, undefined])
    }
  })
}

/** Runs of the writes as one, and any of them in two. */
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

test('extensions and trailers go through the parser, between chunks that do not', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n',
    '5;name=value\r\nthree\r\n',
    '4\r\nfour\r\n',
    '4\r\nfive\r\n',
    '0\r\nx-trailer: yes\r\n\r\n',
  ])
  const noted = await ask(connectionsTo(t, engine.url))
  assert.deepEqual([noted.text, noted.ends, noted.failure], ['onetwothreefourfive', 1, undefined])
})

test('what is not a chunk after good ones ends the leg, after their data', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n',
    'no chunk at all\r\n',
  ])
  const noted = await ask(connectionsTo(t, engine.url))
  assert.deepEqual([noted.text, noted.ends, noted.failure?.kind], ['onetwo', 1, 'protocol'])
})

test('a paused leg gets no more, and all of it once it is resumed', async t => {
  const data = 'y'.repeat(1_000)
  const count = 20_000
  let written = 0
  const engine = await rawEngine(t, ({ socket, path }) => {
    if (path === '/meanwhile') return void socket.write(answerOf(data.repeat(count)))
    socket.write(`${HEAD}\r\n`)
    const chunk = `${size(data)}\r\n${data}\r\n`
    const more = (): void => {
      for (let hasRoom = true; hasRoom && written < count; written++) hasRoom = socket.write(chunk)
      if (written === count) socket.write('0\r\n\r\n')
      else socket.once('drain', more)
    }
    more()
  })
  const isPaused = Promise.withResolvers<void>()
  const noted = new NotedAnswer({
    onData() {
      if (noted.parts.length !== 3) return
      leg.pause()
      isPaused.resolve()
    },
  })
  const connections = connectionsTo(t, engine.url)
  const leg = connections.send(post(), noted)
  await isPaused.promise
  // As much comes from the same engine to a leg that is not paused: what this one could get it has got by then.
  assert.equal((await ask(connections, post('/meanwhile'))).bytes, count * data.length)
  assert.equal(noted.parts.length, 3)
  assert.ok(written < count, 'TCP holds the engine back')
  leg.resume()
  await noted.over
  assert.deepEqual([noted.bytes, noted.failure], [count * data.length, undefined])
})

test('a leg that is aborted inside a chunk hears nothing more, and its socket is closed', async t => {
  const engine = await engineOf(t, () => [
    `${HEAD}\r\n`,
    '3\r\none\r\n',
    '3\r\ntwo\r\n5\r\nthree',
    '\r\n',
    '0\r\n\r\n',
  ])
  const noted = new NotedAnswer({
    onData() {
      if (noted.text === 'onetwo') leg.abort()
    },
  })
  const leg = connectionsTo(t, engine.url).send(post(), noted)
  await until(() => engine.closedCount === 1)
  assert.deepEqual([noted.text, noted.ends], ['onetwo', 0])
})

test('a handler that throws loses its own leg, and nothing else', async t => {
  const engine = await engineOf(t, () => [`${HEAD}\r\n`, '3\r\none\r\n', '3\r\ntwo\r\n', '0\r\n\r\n'])
  const connections = connectionsTo(t, engine.url)
  const noted = new NotedAnswer({
    onData() {
      if (noted.text === 'onetwo') throw new Error('a fault of the handler')
    },
  })
  connections.send(post(), noted)
  await noted.over
  assert.match(noted.failure?.message ?? '', /a fault of the handler/)
  assert.equal((await ask(connections)).text, 'onetwo')
})
