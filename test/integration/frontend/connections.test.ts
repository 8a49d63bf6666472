/** Connections of clients: how many, how long they are kept, and how they find their requests. */
import assert from 'node:assert/strict'
import { suite, type TestContext, test } from 'node:test'
import type { Logger } from '../../../src/telemetry/log.ts'
import { openFrontend, SILENT } from '../../support/frontend.ts'
import { openRaw } from '../../support/raw-connection.ts'
import { until } from '../../support/until.ts'

const CLOSED = 'pdgw_frontend_closed_connections_total'
const PAGE = 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n'
const MODELS = 'GET /v1/models?n=1 HTTP/1.1\r\nhost: a\r\n\r\n'
const UNFINISHED = 'POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{'
const HANGING = 'POST /generate?hang HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}'

function chunkedHead(path: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n`
}

/** Resolves when what other connections have sent so far has been read. */
async function untilRead(t: TestContext, origin: string): Promise<void> {
  const last = await openRaw(t, origin)
  last.write(PAGE)
  await last.untilReceived('OK')
}

suite('A client connection', { concurrency: 2 }, () => {
  test('is closed after clientIdleMs without a request', async t => {
    const { origin, counted } = await openFrontend(t, {
      config: { timeouts: { clientHeadMs: 86_400_000, clientIdleMs: 400 } },
    })
    const [used, fresh] = [await openRaw(t, origin), await openRaw(t, origin)]
    used.write(PAGE)
    await used.untilClosed()
    assert.match(used.received(), /^HTTP\/1.1 200 /)
    assert.equal(counted(CLOSED, 'idle'), 1)
    assert.equal(fresh.isClosed(), false)
  })

  test('is closed after clientHeadMs if its first head is not complete, and later heads have clientIdleMs', async t => {
    const { origin, counted } = await openFrontend(t, {
      config: { timeouts: { clientHeadMs: 400, clientIdleMs: 86_400_000 } },
    })
    const used = await openRaw(t, origin)
    used.write(MODELS)
    await used.untilReceived('n=1')
    const slow = await openRaw(t, origin)
    slow.write('GET /health HTTP/1.1\r\nhost: a\r\nx-slow: ')
    await slow.untilClosed()
    assert.equal(slow.received(), '')
    assert.equal(counted(CLOSED, 'slow-head'), 1)
    used.write(PAGE)
    await used.untilReceived('OK')
  })

  test('is not closed for being idle while a request is under way', async t => {
    const { origin, counted } = await openFrontend(t, {
      config: { timeouts: { clientHeadMs: 200, clientIdleMs: 200 } },
    })
    const [uploading, waiting] = [await openRaw(t, origin), await openRaw(t, origin)]
    uploading.write('POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n{')
    waiting.write(HANGING)
    await waiting.untilReceived('HTTP/1.1 200')
    for (const count of [1, 2, 3]) {
      const idle = await openRaw(t, origin)
      idle.write(PAGE)
      await idle.untilClosed()
      assert.equal(counted(CLOSED, 'idle'), count)
    }
    assert.deepEqual([uploading.isClosed(), waiting.isClosed()], [false, false])
    uploading.write('  }')
    await uploading.untilReceived('HTTP/1.1 200')
  })
})

test('beyond the limit, the connections that are idle for longest are closed, and none with a request', async t => {
  const warnings: unknown[] = []
  const log: Logger = { ...SILENT, warn: (...line: unknown[]) => void warnings.push(line) }
  const { origin, counted, frontend } = await openFrontend(t, {
    config: { limits: { clientConnections: 20 } },
    log,
  })
  const first = await openRaw(t, origin)
  const busy = await Promise.all(Array.from({ length: 10 }, () => openRaw(t, origin)))
  for (const connection of busy) {
    connection.write(HANGING)
    await connection.untilReceived('HTTP/1.1 200')
  }
  const used = await openRaw(t, origin)
  used.write(PAGE)
  await used.untilReceived('OK')
  const flood = await Promise.all(Array.from({ length: 60 }, () => openRaw(t, origin)))
  await Promise.all([first.untilClosed(), used.untilClosed()])
  await until(() => flood.filter(connection => connection.isClosed()).length === 50)
  assert.equal(counted(CLOSED, 'full'), 52)
  assert.ok(busy.every(connection => !connection.isClosed()))
  const honest = await openRaw(t, origin)
  honest.write(MODELS)
  await honest.untilReceived('n=1')
  assert.equal(warnings.length, 1)
  assert.equal(frontend.openRequests, 10)
})

test('with every connection busy, a new one is closed', async t => {
  const { origin } = await openFrontend(t, { config: { limits: { clientConnections: 2 } } })
  for (const _ of [1, 2]) {
    const busy = await openRaw(t, origin)
    busy.write(HANGING)
    await busy.untilReceived('HTTP/1.1 200')
  }
  const refused = await openRaw(t, origin)
  await refused.untilClosed()
  assert.equal(refused.received(), '')
})

test('while most connections trickle bodies in, those are closed beyond the limit, and idle ones are kept', async t => {
  const { origin, counted, frontend } = await openFrontend(t, {
    config: { limits: { clientConnections: 20 } },
  })
  const used = await openRaw(t, origin)
  used.write(PAGE)
  await used.untilReceived('OK')
  const trickling = await Promise.all(Array.from({ length: 19 }, () => openRaw(t, origin)))
  for (const connection of trickling) connection.write(UNFINISHED)
  await until(() => frontend.openRequests === 19)
  for (const count of [1, 2, 3, 4, 5]) {
    const honest = await openRaw(t, origin)
    honest.write(MODELS)
    await honest.untilReceived('n=1')
    assert.equal(counted(CLOSED, 'full'), count)
  }
  assert.equal(trickling.filter(connection => connection.isClosed()).length, 5)
  used.write(PAGE)
  await used.untilReceived(/OK[^]*OK/)
  await until(() => frontend.openRequests === 14)
})

test('the rest of a body that has been refused is awaited for bodyMs', async t => {
  const refused = UNFINISHED.replace('/generate', '/nothing')
  const { origin, counted } = await openFrontend(t, {
    config: { timeouts: { bodyMs: 400 } },
  })
  const first = await openRaw(t, origin)
  first.write(refused)
  await first.untilClosed()
  assert.match(first.received(), /^HTTP\/1.1 404 /)
  assert.equal(counted(CLOSED, 'slow-body'), 1)
})

test('the rest of a refused body is not awaited while others need the connection', async t => {
  const refused = UNFINISHED.replace('/generate', '/nothing')
  const { origin, counted } = await openFrontend(t, { config: { limits: { clientConnections: 2 } } })
  const idle = await openRaw(t, origin)
  const unfinished = await openRaw(t, origin)
  unfinished.write(refused)
  await unfinished.untilReceived('HTTP/1.1 404')
  const honest = await openRaw(t, origin)
  honest.write(PAGE)
  await honest.untilReceived('OK')
  await unfinished.untilClosed()
  assert.equal(counted(CLOSED, 'full'), 1)
  assert.equal(idle.isClosed(), false)
})

suite('A chunked request', () => {
  test('is served while any number of idle connections of its address and heads without a body are open', async t => {
    const { origin, counted, frontend } = await openFrontend(t, {
      config: { limits: { clientConnections: 800 } },
    })
    const idle = await Promise.all(Array.from({ length: 600 }, () => openRaw(t, origin)))
    // Each is taken for one that waits for its first chunk.
    for (const connection of idle.slice(-2)) connection.write(chunkedHead('/generate'))
    for (const index of [1, 2, 3]) {
      const client = await openRaw(t, origin)
      client.write(`${chunkedHead(`/generate?n=${index}`)}2\r\n{}\r\n0\r\n\r\n`)
      await client.untilClosed()
      assert.match(client.received(), /^HTTP\/1.1 200 OK/)
      assert.ok(client.received().includes(`"query":"n=${index}"`), client.received())
    }
    assert.deepEqual([counted(CLOSED, 'full'), frontend.openRequests], [0, 0])
    assert.ok(idle.every(connection => !connection.isClosed()))
  })

  test('leaves room for others, however many connections it may be on', async t => {
    const { origin } = await openFrontend(t, { config: { limits: { clientConnections: 32 } } })
    const idle = await Promise.all(Array.from({ length: 30 }, () => openRaw(t, origin)))
    for (const connection of idle.slice(-3)) connection.write(chunkedHead('/generate'))
    for (const index of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const flood = await Promise.all(Array.from({ length: 8 }, () => openRaw(t, origin)))
      const honest = await openRaw(t, origin)
      honest.write(MODELS.replace('n=1', `n=${index}`))
      await honest.untilReceived(`n=${index}`)
      assert.equal(flood.length, 8)
    }
  })

  test('on a connection that was not used for long is served while others stall', async t => {
    const { origin, openings } = await openFrontend(t)
    const oldest = await openRaw(t, origin)
    const idle = await Promise.all(Array.from({ length: 30 }, () => openRaw(t, origin)))
    for (const connection of idle) connection.write(chunkedHead('/generate'))
    await untilRead(t, origin)
    oldest.write(chunkedHead('/generate?n=1'))
    await untilRead(t, origin)
    oldest.write('2\r\n{}\r\n0\r\n\r\n')
    await oldest.untilClosed()
    assert.ok(oldest.received().includes('"query":"n=1"'), oldest.received())
    assert.equal(openings(), 1)
  })

  test('that waits for its first chunk no longer stands before others when its client has left', async t => {
    const { origin, frontend } = await openFrontend(t)
    const clients = await Promise.all(Array.from({ length: 6 }, () => openRaw(t, origin)))
    for (const [index, client] of clients.entries()) client.write(chunkedHead(`/generate?n=${index}`))
    await untilRead(t, origin)
    for (const index of [0, 3, 5]) clients[index]?.close()
    for (const index of [4, 2, 1]) {
      clients[index]?.write('2\r\n{}\r\n0\r\n\r\n')
      await clients[index]?.untilReceived(`"query":"n=${index}"`)
    }
    assert.equal(frontend.openRequests, 0)
  })

  test('gives way if hundreds from its address wait longer for their first chunk', async t => {
    const { origin, counted, frontend } = await openFrontend(t)
    const clients = await Promise.all(Array.from({ length: 300 }, () => openRaw(t, origin)))
    for (const [index, client] of clients.entries()) client.write(chunkedHead(`/generate?n=${index}`))
    await until(() => clients.filter(client => client.isClosed()).length >= 44)
    assert.equal(counted(CLOSED, 'full'), 44)
    const open = [...clients.entries()].filter(([, client]) => !client.isClosed())
    for (const [, client] of open) client.write('2\r\n{}\r\n0\r\n\r\n')
    await Promise.all(open.map(([index, client]) => client.untilReceived(`"query":"n=${index}"`)))
    assert.equal(frontend.openRequests, 0)
  })

  test('gets its own response when others from its address wait for their first chunk, too', async t => {
    const { origin, frontend } = await openFrontend(t)
    const idle = await openRaw(t, origin)
    idle.write(PAGE)
    await idle.untilReceived('OK')
    const clients = await Promise.all(Array.from({ length: 8 }, () => openRaw(t, origin)))
    for (const [index, client] of clients.entries()) client.write(chunkedHead(`/generate?n=${index}`))
    await untilRead(t, origin)
    for (const [index, client] of [...clients.entries()].toReversed()) {
      const body = `{"text":"${index}"}`
      client.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
    }
    for (const [index, client] of clients.entries()) {
      await client.untilClosed()
      assert.match(client.received(), /^HTTP\/1.1 200 OK[^]*connection: close/i)
      assert.ok(client.received().includes(`"query":"n=${index}"`), client.received())
      assert.ok(client.received().includes(`\\"text\\":\\"${index}\\"`), client.received())
    }
    idle.write(MODELS)
    await idle.untilReceived('n=1')
    assert.equal(frontend.openRequests, 0)
  })

  test('that sends no chunk is closed like a slow head', async t => {
    const { origin, frontend, counted } = await openFrontend(t, {
      config: { timeouts: { clientHeadMs: 300 } },
    })
    const client = await openRaw(t, origin)
    client.write(chunkedHead('/generate'))
    await client.untilClosed()
    assert.equal(counted(CLOSED, 'slow-head'), 1)
    assert.equal(frontend.openRequests, 0)
  })

  test('is closed like a slow head, too, when it stalls together with others from its address', async t => {
    const { origin, frontend, counted } = await openFrontend(t, {
      config: { timeouts: { clientHeadMs: 300, clientIdleMs: 86_400_000 } },
    })
    const clients = await Promise.all(Array.from({ length: 4 }, () => openRaw(t, origin)))
    for (const client of clients) {
      client.write(PAGE)
      await client.untilReceived('OK')
      client.write(chunkedHead('/generate'))
    }
    await Promise.all(clients.map(client => client.untilClosed()))
    assert.deepEqual([counted(CLOSED, 'slow-head'), frontend.openRequests], [4, 0])
  })

  test('that is streamed ends its connection, and says so in its head', async t => {
    const { origin } = await openFrontend(t)
    const client = await openRaw(t, origin)
    client.write(`${chunkedHead('/generate?stream=3&size=4')}2\r\n{}\r\n0\r\n\r\n`)
    await client.untilClosed()
    const [head = '', body = ''] = client.received().split('\r\n\r\n')
    assert.match(head, /\r\nconnection: close/i)
    assert.doesNotMatch(body, /connection/i)
    assert.ok(client.received().endsWith('\r\n0\r\n\r\n'))
  })

  test('is refused with 411 where the operator does not accept it', async t => {
    const { origin, openings } = await openFrontend(t, { config: { limits: { chunkedBodies: 'refuse' } } })
    const client = await openRaw(t, origin)
    client.write(`${chunkedHead('/generate')}2\r\n{}\r\n0\r\n\r\n${MODELS}`)
    await client.untilClosed()
    assert.match(client.received(), /^HTTP\/1.1 411 Length Required\r\n[^]*"code":"length-required"/)
    assert.equal(client.received().split('HTTP/1.1').length, 2)
    assert.equal(openings(), 0)
  })
})

test('requests in one read after a page of the front end are served in turn', async t => {
  const { origin, frontend } = await openFrontend(t)
  const client = await openRaw(t, origin)
  client.write(PAGE + PAGE + MODELS)
  await client.untilReceived('n=1')
  assert.equal(client.received().split('HTTP/1.1 200 ').length, 4)
  client.write(PAGE + PAGE.replace('host: a', 'host: a\r\nconnection: close'))
  await client.untilClosed()
  assert.equal(client.received().split('HTTP/1.1 200 ').length, 6)
  assert.equal(frontend.openRequests, 0)
})
