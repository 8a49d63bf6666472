/** A flood of connections to the admin listener. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenAdmin } from '../../../src/admin/admin-server.ts'
import { openRaw } from '../../support/raw-connection.ts'
import { until } from '../../support/until.ts'

const ADDRESS = { host: '127.0.0.1', port: 0, flag: '--prometheus-port', what: 'metrics and admin' }
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
  uploading.write(
    'POST /admin/engines HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n{',
  )
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
