import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type BodyReader, readBody, roomBytes } from '../../../../src/frontend/intake/body-reader.ts'
import { FakeUwsResponse } from '../../../support/fake-uws.ts'

const MIB = 1024 * 1024

interface Reading {
  readonly client: FakeUwsResponse
  readonly body: () => string | undefined
}

function readingOf(change: Partial<BodyReader> = {}): Reading {
  const client = new FakeUwsResponse()
  let body: string | undefined
  readBody(client.asResponse(), {
    contentLength: -1,
    limitBytes: 64 * MIB,
    onBody: bytes => (body = Buffer.from(bytes).toString()),
    onTooLarge: () => (body = 'too large'),
    onPart: () => undefined,
    ...change,
  })
  return { client, body: () => body }
}

suite('A request body', () => {
  test('that is announced as large takes little memory until much of it has come', () => {
    const reader = { contentLength: 10 * MIB, limitBytes: 64 * MIB }
    const rooms = [1, 2000, 100_000, 262_144, 262_145].map(received => roomBytes(received, reader))
    assert.deepEqual(rooms, [4096, 8000, 262_144, 262_144, 10 * MIB])
  })

  test('takes no more memory than its announced length, nor than the limit', () => {
    assert.equal(roomBytes(2000, { contentLength: 3000, limitBytes: MIB }), 3000)
    assert.equal(roomBytes(2000, { contentLength: -1, limitBytes: 5000 }), 5000)
    assert.equal(roomBytes(300_000, { contentLength: 400_000, limitBytes: MIB }), 400_000)
  })

  for (const contentLength of [200_000, -1])
    test(`is complete and in order, however many parts it comes in (Content-Length ${contentLength})`, () => {
      const { client, body } = readingOf({ contentLength })
      const text = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(10)).join('')
      for (let at = 0; at < text.length; at += 777)
        client.receive(text.slice(at, at + 777), at + 777 >= text.length)
      assert.equal(body(), text)
    })

  test('beyond the limit is given up at once', () => {
    const { client, body } = readingOf({ limitBytes: 5000 })
    client.receive('x'.repeat(3000), false)
    client.receive('x'.repeat(3000), false)
    assert.equal(body(), 'too large')
  })
})
