import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { resetSocket } from '../../../src/simulator/http/reset-socket.ts'
import { listen } from '../../support/listen.ts'

/** Both ends of a connection. */
async function connected(t: TestContext): Promise<{ server: Socket; client: Socket }> {
  const listener = createServer()
  t.after(() => listener.close())
  const client = connect(await listen(listener), '127.0.0.1')
  t.after(() => client.destroy())
  const [server]: Socket[] = await once(listener, 'connection')
  assert.ok(server)
  return { server, client }
}

test('an open connection is reset', async t => {
  const { server, client } = await connected(t)
  resetSocket(server)
  const [error] = await once(client, 'error')
  assert.equal(error.code, 'ECONNRESET')
})

test('a connection that is being shut down is closed without an error', async t => {
  const { server, client } = await connected(t)
  client.resume()
  server.end('last words')
  assert.deepEqual([server.writableEnded, server.writableFinished], [true, false])
  resetSocket(server)
  await once(server, 'close')
})
