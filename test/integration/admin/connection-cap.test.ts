/** A flood of connections to the admin listener. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenAdmin } from '../../../src/admin/admin-server.ts'
import { openRaw } from '../../support/raw-connection.ts'
import { until } from '../../support/until.ts'

const ADDRESS = { host: '127.0.0.1', port: 0, flag: '--prometheus-port', what: 'metrics and admin' }
const UNFINISHED =
  'POST /admin/engines HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n'
const PAGE = 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n'

test('beyond the limit, the connections that are idle for longest are closed, and new ones are served', async t => {
  let warnings = 0
  const handler = { handle: () => ({ status: 200, headers: [], body: Buffer.from('served') }) }
  const server = await listenAdmin(handler, ADDRESS, { max: 4, onFull: () => void warnings++ })
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${server.port}`
  const used = await openRaw(t, origin)
  used.write(PAGE)
  await used.untilReceived('served')
  const uploading = await openRaw(t, origin)
  uploading.write(`${UNFINISHED}{`)
  await uploading.untilReceived('100 Continue')
  const flood = await Promise.all(Array.from({ length: 20 }, () => openRaw(t, origin)))
  await used.untilClosed()
  await until(() => flood.filter(connection => connection.isClosed()).length === 17)
  const honest = await openRaw(t, origin)
  honest.write(PAGE)
  await honest.untilReceived('served')
  uploading.write('}')
  await uploading.untilReceived('served')
  assert.equal(warnings, 1)
})

test('while requests trickle in on most connections, the oldest of them is closed, and new ones are served', async t => {
  const handler = { handle: () => ({ status: 200, headers: [], body: Buffer.from('served') }) }
  const server = await listenAdmin(handler, ADDRESS, { max: 4, onFull: () => {} })
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${server.port}`
  const trickling = await Promise.all(Array.from({ length: 4 }, () => openRaw(t, origin)))
  for (const connection of trickling) {
    connection.write(`${UNFINISHED}{`)
    await connection.untilReceived('100 Continue')
  }
  const honest = await openRaw(t, origin)
  honest.write(PAGE)
  await honest.untilReceived('served')
  await trickling[0]?.untilClosed()
  assert.deepEqual(
    trickling.map(connection => connection.isClosed()),
    [true, false, false, false],
  )
})

test('a flood of requests leaves the thread time for timers between any two of them', async t => {
  let served = 0
  let servedInTurn = 0
  let maxInTurn = 0
  const handler = {
    handle: () => {
      served++
      maxInTurn = Math.max(maxInTurn, ++servedInTurn)
      return { status: 200, headers: [], body: Buffer.from('served') }
    },
  }
  const server = await listenAdmin(handler, ADDRESS, { max: 32, onFull: () => {} })
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${server.port}`
  const clients = await Promise.all(Array.from({ length: 32 }, () => openRaw(t, origin)))
  const turn = (): void => {
    servedInTurn = 0
    if (served < clients.length) setImmediate(turn)
  }
  turn()
  for (const client of clients) client.write(PAGE)
  await Promise.all(clients.map(client => client.untilReceived('served')))
  assert.deepEqual([served, maxInTurn], [32, 1])
})

test('a client that sends a second request before the first is answered is disconnected', async t => {
  let served = 0
  const handler = {
    handle: () => {
      served++
      return { status: 200, headers: [], body: Buffer.from('served') }
    },
  }
  const server = await listenAdmin(handler, ADDRESS, { max: 4, onFull: () => {} })
  t.after(() => server.close())
  const origin = `http://127.0.0.1:${server.port}`
  const impatient = await openRaw(t, origin)
  impatient.write(PAGE.repeat(1000))
  await impatient.untilClosed()
  const honest = await openRaw(t, origin)
  honest.write(PAGE)
  await honest.untilReceived('served')
  honest.write(PAGE)
  await honest.untilReceived(/served[^]*served/)
  assert.ok(served <= 3, `${served} served`)
})
