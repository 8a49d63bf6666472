/**
 * Malformed and unusual requests: each gets a clear response or its connection is closed, and the next client is served.
 * A response without a body of ours comes from uWebSockets.js, before the gateway has seen the request.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { servedRoutes } from '../../../src/frontend/intake/routes.ts'
import { openFrontend } from '../../support/frontend.ts'
import { sendRaw } from '../../support/raw-http.ts'
import { until } from '../../support/until.ts'

const BODY = '{"text":"a"}'
const LENGTH = `content-length: ${BODY.length}\r\n`

function post(path: string, more = LENGTH, body = BODY): string {
  return `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${more}\r\n${body}`
}

function chunked(body: string): string {
  return post('/generate', 'transfer-encoding: chunked\r\n', body)
}

const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n`

/** Requests and the status that each gets. A 200 carries the echo of the router thread. */
const ODD: readonly [name: string, request: string, status: number][] = [
  ['a content-length twice, the same', post('/generate', LENGTH + LENGTH), 400],
  ['an empty content-length', post('/generate', 'content-length:\r\n'), 400],
  ['a content-length with a sign', post('/generate', 'content-length: +12\r\n'), 400],
  ['a list as content-length', post('/generate', 'content-length: 12, 12\r\n'), 400],
  ['two values of content-length', post('/generate', `${LENGTH}content-length: 3\r\n`), 400],
  [
    'two values of content-length for no route',
    post('/nothing', `content-length: 3\r\n${LENGTH}`, 'abc'),
    400,
  ],
  [
    'content-length together with chunks',
    chunked(`${LENGTH}\r\n${CHUNK}0\r\n\r\n`).replace('\r\n\r\n', '\r\n'),
    400,
  ],
  ['a negative content-length', post('/generate', 'content-length: -1\r\n'), 400],
  ['a hexadecimal content-length', post('/generate', 'content-length: 0xc\r\n'), 400],
  ['a content-length of twenty digits', post('/generate', `content-length: ${'9'.repeat(20)}\r\n`), 400],
  ['chunks', chunked(`${CHUNK}0\r\n\r\n`), 200],
  ['chunks with an invalid size', chunked(`zz\r\n${BODY}\r\n0\r\n\r\n`), 400],
  ['an unknown transfer-encoding', post('/generate', `${LENGTH}transfer-encoding: gzip\r\n`), 400],
  ['no content-length and no body', post('/generate', '', ''), 200],
  ['HTTP/1.0', 'GET /health HTTP/1.0\r\n\r\n', 505],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400],
  ['an absolute address', post('http://a/generate'), 505],
  ['a method in lower case', post('/generate').replace('POST', 'post'), 405],
  ['an unknown method', post('/generate').replace('POST', 'FROB'), 405],
  ['a HEAD with a body', post('/generate').replace('POST', 'HEAD'), 405],
  ['an OPTIONS with a body', post('/generate').replace('POST', 'OPTIONS'), 204],
  ['a DELETE of a page', post('/health').replace('POST', 'DELETE'), 405],
  ['a CONNECT', 'CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n', 505],
  ['a TRACE', 'TRACE /health HTTP/1.1\r\nhost: a\r\n\r\n', 405],
  ['an upgrade', post('/generate', `${LENGTH}connection: upgrade\r\nupgrade: websocket\r\n`), 200],
  ['a NUL in a header', post('/generate', `${LENGTH}x-a: a\0b\r\n`), 400],
  ['a header without a colon', post('/generate', `${LENGTH}x-a\r\n`), 400],
  ['a space before the colon', post('/generate', `${LENGTH}x-a : b\r\n`), 400],
  ['a header continued on the next line', post('/generate', `${LENGTH}x-a: b\r\n c\r\n`), 400],
  ['a head of 15 KiB', post('/generate', `${LENGTH}x-a: ${'a'.repeat(15_000)}\r\n`), 200],
  ['a head of 17 KiB', post('/generate', `${LENGTH}x-a: ${'a'.repeat(17_000)}\r\n`), 431],
  ['an address of 17 KiB', `GET /${'a'.repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 431],
  ['a hundred headers', post('/generate', LENGTH + 'x-a: b\r\n'.repeat(100)), 431],
  ['two slashes', post('//generate'), 404],
  ['a slash at the end', post('/generate/'), 307],
  ['a percent-encoded path', post('/%67enerate'), 404],
  ['a path with dots', post('/v1/../generate'), 404],
  ['a query with odd characters', post('/generate?a=%00&b=?&=;'), 200],
  ['another content-type', post('/generate').replace('application/json', 'text/plain'), 415],
  ['a GET with a body', `GET /v1/models HTTP/1.1\r\nhost: a\r\n${LENGTH}\r\n${BODY}`, 200],
  ['trailers', chunked(`${CHUNK}0\r\nx-a: b\r\n\r\n`), 505],
  ['the first bytes of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n', 505],
]

test('responds to each odd request with a status, and serves the next client', async t => {
  const { origin, frontend } = await openFrontend(t)
  const ask = (text: string): Promise<string> => sendRaw(t, origin, Buffer.from(text, 'latin1'), hasHead)
  const check = ([name, request, status]: (typeof ODD)[number]): Promise<void> =>
    t.test(`${status} to ${name}`, async () => {
      const response = await ask(request)
      assert.equal(response.slice(0, 13), `HTTP/1.1 ${status} `, response)
    })
  await Promise.all(ODD.map(check))
  await until(() => frontend.openRequests === 0)
  assert.equal(await (await fetch(`${origin}/health`)).text(), 'OK')
})

function hasHead(response: string): boolean {
  return response.includes('\r\n\r\n')
}

test('sends no Content-Length in the bodyless response to OPTIONS', async t => {
  const { origin } = await openFrontend(t)
  const options = 'OPTIONS /generate HTTP/1.1\r\nhost: a\r\n\r\n'
  assert.doesNotMatch(await sendRaw(t, origin, options, hasHead), /content-length/i)
  const twice = await sendRaw(t, origin, options + options, response => response.split('204').length > 2)
  assert.equal(twice.split('HTTP/1.1 204 ').length, 3)
})

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']

test('accepts exactly the methods of each route', async t => {
  const { origin, frontend } = await openFrontend(t)
  const check = async (path: string, method: string, takes: readonly string[]): Promise<void> => {
    const response = await fetch(origin + path, { method })
    await response.arrayBuffer()
    const expected = method === 'OPTIONS' ? 204 : takes.includes(method) ? 200 : 405
    assert.equal(response.status, expected, `${method} ${path}`)
    const allow = response.headers.get('allow')
    assert.equal(allow, expected === 200 ? null : [...takes, 'OPTIONS'].join(', '), `${method} ${path}`)
  }
  const all = servedRoutes().flatMap(({ path, methods }) =>
    METHODS.map(method => check(path, method, methods)),
  )
  await Promise.all(all)
  await until(() => frontend.openRequests === 0)
})

test('a header named by Connection is not forwarded, except the timeout headers of the gateway', async t => {
  const { origin } = await openFrontend(t)
  const named = 'authorization: k\r\ntraceparent: tp\r\nx-idle-timeout-ms: 9\r\ntracestate: ts\r\n'
  const connection =
    'Connection: close\r\nConnection: Authorization\r\nconnection: traceparent, x-idle-timeout-ms\r\n'
  const response = await sendRaw(t, origin, post('/generate', LENGTH + named + connection))
  assert.doesNotMatch(response, /authorization|traceparent/)
  assert.match(response, /"x-idle-timeout-ms","9","tracestate","ts"/)
})
