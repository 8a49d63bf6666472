/** Sockets that share one buffer: no bytes mix, none are lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, connectionsTo, NotedAnswer, post, rawEngine } from './raw-engine.ts'

test('hundreds of legs that share the buffer and pause at random get their own bytes', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    const whole = answerOf(Buffer.alloc(60_000, path), `x-path: ${path}\r\n`)
    let at = 0
    const next = (): void => {
      const end = Math.min(whole.length, at === 0 ? 1 + (path.length % 40) : at + 7_001)
      if (at < whole.length) socket.write(whole.subarray(at, end), () => setImmediate(next))
      at = end
    }
    next()
  })
  const connections = connectionsTo(t, engine.url, { maxSockets: 300 })
  const all = Array.from({ length: 400 }, (_, n) => {
    const path = `/${'p'.repeat(n % 50)}${n}`
    let pieces = n
    const noted = new NotedAnswer({
      onData() {
        if (++pieces % 3 > 0) return
        leg.pause()
        setImmediate(() => leg.resume())
      },
    })
    const leg = connections.send(post(path), noted)
    return { path, noted }
  })
  await Promise.all(all.map(({ noted }) => noted.over))
  for (const { path, noted } of all) {
    assert.equal(noted.headers.at(-1), path)
    assert.ok(Buffer.concat(noted.parts).equals(Buffer.alloc(60_000, path)), path)
  }
})

test('a paused leg hears the end only after the bytes before it', async t => {
  const engine = await rawEngine(t, ({ socket }) =>
    socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200_000)}`),
  )
  const noted = new NotedAnswer({
    onData() {
      leg.pause()
      setImmediate(() => setImmediate(() => leg.resume()))
    },
  })
  const leg = connectionsTo(t, engine.url).send(post(), noted)
  await noted.over
  assert.deepEqual([noted.bytes, noted.failure], [200_000, undefined])
})

test('a megabyte comes whole', async t => {
  const body = Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => n % 253))
  const engine = await rawEngine(t, ({ socket }) => socket.write(answerOf(body)))
  const noted = new NotedAnswer()
  connectionsTo(t, engine.url).send(post(), noted)
  await noted.over
  assert.ok(Buffer.concat(noted.parts).equals(body))
})
