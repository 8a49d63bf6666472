/**
 * Requests whose length is ambiguous or malformed (RFC 9112 sections 6 and 7.1): answered with 400, their connection closed,
 * and what follows them on it never read as a request.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFrontend } from '../../support/frontend.ts'
import { openRaw } from '../../support/raw-connection.ts'

const FOLLOWING = 'GET /v1/models?following HTTP/1.1\r\nhost: a\r\n\r\n'

const REFUSED: readonly [what: string, framing: string, body: string][] = [
  ['two equal lengths', 'content-length: 2\r\ncontent-length: 2', '{}'],
  ['two different lengths', 'content-length: 2\r\ncontent-length: 3', '{} '],
  ['an empty length', 'content-length:', ''],
  ['an empty length before a valid one', 'content-length: \r\ncontent-length: 2', '{}'],
  ['a list of lengths', 'content-length: 2,2', '{}'],
  ['a signed length', 'content-length: +2', '{}'],
  ['a hexadecimal length', 'content-length: 0x2', '{}'],
  ['a length with a space inside', 'content-length: 2 2', '{}'],
  ['a length beyond all numbers', `content-length: ${'9'.repeat(16)}`, '{}'],
  ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ['an unknown transfer coding', 'transfer-encoding: gzip', '2\r\n{}\r\n0\r\n\r\n'],
  ['identity as transfer coding', 'transfer-encoding: identity', '2\r\n{}\r\n0\r\n\r\n'],
  ['an empty transfer coding', 'transfer-encoding:', '2\r\n{}\r\n0\r\n\r\n'],
  ['two transfer codings', 'transfer-encoding: gzip, chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ['chunked twice', 'transfer-encoding: chunked\r\ntransfer-encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ['chunked with a parameter', 'transfer-encoding: chunked;a=b', '2\r\n{}\r\n0\r\n\r\n'],
  ['a header name with a space', 'content-length : 2', '{}'],
  ['a continued header line', 'x-a: b\r\n c\r\ncontent-length: 2', '{}'],
  ['a bare line feed between headers', 'x-a: b\ncontent-length: 2', '{}'],
  ['a line without a colon', 'x-a\r\ncontent-length: 2', '{}'],
]

test('ambiguous framing', async t => {
  const { origin, openings, frontend } = await openFrontend(t)
  const check = ([what, framing, body]: (typeof REFUSED)[number]): Promise<void> =>
    t.test(`${what}: 400, the connection is closed, and what follows is not executed`, async inner => {
      for (const following of ['', FOLLOWING]) {
        const client = await openRaw(inner, origin)
        client.write(`POST /generate HTTP/1.1\r\nhost: a\r\n${framing}\r\n\r\n${body}${following}`)
        await client.untilClosed()
        assert.match(client.received(), /^HTTP\/1.1 400 Bad Request\r\n[^]*connection: close/i)
        assert.equal(client.received().split('HTTP/1.1 ').length, 2, client.received())
      }
    })
  await Promise.all(REFUSED.map(check))
  assert.equal(openings(), 0)
  assert.equal(frontend.openRequests, 0)
})

test('our own refusal is an error object, whatever the path', async t => {
  const { origin } = await openFrontend(t)
  for (const path of ['/generate', '/health', '/nothing']) {
    const client = await openRaw(t, origin)
    client.write(`POST ${path} HTTP/1.1\r\nhost: a\r\nx-request-id: r1\r\ncontent-length:\r\n\r\n`)
    await client.untilClosed()
    const [head = '', body = ''] = client.received().split('\r\n\r\n')
    assert.match(head, /x-request-id: r1/)
    assert.equal(Number(/content-length: (\d+)/.exec(head)?.[1]), body.length)
    const { error } = JSON.parse(body)
    assert.equal(error.code, 'invalid-request')
  }
})

for (const [what, chunks] of [
  ['letters as size', 'zz\r\n{}\r\n0\r\n\r\n'],
  ['a size with a prefix', '0x2\r\n{}\r\n0\r\n\r\n'],
  ['a signed size', '+2\r\n{}\r\n0\r\n\r\n'],
  ['a size beyond all numbers', '100000000000000002\r\n{}\r\n0\r\n\r\n'],
] as const) {
  test(`a malformed chunk, ${what}: 400, and what follows is not executed`, async t => {
    const { origin, openings } = await openFrontend(t)
    const client = await openRaw(t, origin)
    client.write(
      `POST /generate HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunks}${FOLLOWING}`,
    )
    await client.untilClosed()
    assert.match(client.received(), /^HTTP\/1.1 400 /)
    assert.equal(openings(), 0)
  })
}

// uWebSockets.js does not recognize these, so that all that is left is to execute nothing after them.
for (const [what, chunks] of [
  ['no line end after the data', '2\r\n{}XX0\r\n\r\n'],
  ['bare line feeds', '2\n{}\n0\n\n'],
  ['no line end after the last chunk', '2\r\n{}\r\n0\r\nXX'],
] as const) {
  test(`a malformed chunk, ${what}: the connection ends with this request`, async t => {
    const { origin, openings } = await openFrontend(t)
    const client = await openRaw(t, origin)
    client.write(`POST /generate HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`)
    await client.untilReceived('HTTP/1.1 200')
    client.write(FOLLOWING)
    await client.untilClosed()
    assert.equal(client.received().split('HTTP/1.1 ').length, 2)
    assert.equal(openings(), 1)
  })
}

test('a request that follows a chunked one in the same bytes is not executed', async t => {
  const { origin, openings } = await openFrontend(t)
  const client = await openRaw(t, origin)
  client.write(
    `POST /generate HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${FOLLOWING}`,
  )
  await client.untilClosed()
  assert.ok(openings() <= 1)
  assert.doesNotMatch(client.received(), /following/)
})
