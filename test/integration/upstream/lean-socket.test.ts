/** Sockets that share one read buffer neither mix nor lose bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { poolTo, post, RecordedResponse, rawEngine, responseOf } from './raw-engine.ts'

test('hundreds of requests that share the buffer and pause at random receive their own bytes', async t => {
  const engine = await rawEngine(t, ({ socket, path }) => {
    const whole = responseOf(Buffer.alloc(60_000, path), `x-path: ${path}\r\n`)
    let offset = 0
    const next = (): void => {
      const end = Math.min(whole.length, offset === 0 ? 1 + (path.length % 40) : offset + 7_001)
      if (offset < whole.length) socket.write(whole.subarray(offset, end), () => setImmediate(next))
      offset = end
    }
    next()
  })
  const pool = poolTo(t, engine.url, { maxSockets: 300 })
  const all = Array.from({ length: 400 }, (_, n) => {
    const path = `/${'p'.repeat(n % 50)}${n}`
    let pieces = n
    const response = new RecordedResponse({
      onData() {
        if (++pieces % 3 > 0) return
        request.pause()
        setImmediate(() => request.resume())
      },
    })
    const request = pool.send(post(path), response)
    return { path, response }
  })
  await Promise.all(all.map(({ response }) => response.over))
  for (const { path, response } of all) {
    assert.equal(response.headers.at(-1), path)
    assert.ok(Buffer.concat(response.parts).equals(Buffer.alloc(60_000, path)), path)
  }
})

test('a paused request receives the end only after the bytes before it', async t => {
  const engine = await rawEngine(t, ({ socket }) =>
    socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200_000)}`),
  )
  const response = new RecordedResponse({
    onData() {
      request.pause()
      setImmediate(() => setImmediate(() => request.resume()))
    },
  })
  const request = poolTo(t, engine.url).send(post(), response)
  await response.over
  assert.deepEqual([response.bytes, response.failure], [200_000, undefined])
})

test('a body of a megabyte arrives complete', async t => {
  const body = Buffer.from(Array.from({ length: 1_000_000 }, (_, n) => n % 253))
  const engine = await rawEngine(t, ({ socket }) => socket.write(responseOf(body)))
  const response = new RecordedResponse()
  poolTo(t, engine.url).send(post(), response)
  await response.over
  assert.ok(Buffer.concat(response.parts).equals(body))
})
