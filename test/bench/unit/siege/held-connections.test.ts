import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { HeldConnections } from '../../../../bench/siege/attacks/held-connections.ts'
import { newTally } from '../../../../bench/siege/attacks/tally.ts'
import { listen } from '../../../support/listen.ts'
import { until } from '../../../support/until.ts'

/** A server that answers what it gets with a status, and its connections by the address of their client. */
async function openServer(t: TestContext): Promise<{ port: number; open: Map<string, Set<Socket>> }> {
  const open = new Map<string, Set<Socket>>()
  const server = createServer(socket => {
    const address = socket.remoteAddress ?? ''
    const sockets = open.get(address) ?? new Set()
    open.set(address, sockets.add(socket))
    socket.on('data', () => socket.write('HTTP/1.1 404 Not Found\r\n\r\n'))
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  t.after(() => {
    server.close()
    for (const sockets of open.values()) for (const socket of sockets) socket.destroy()
  })
  return { port: await listen(server), open }
}

test('an attacker keeps its connections, opens those again that are closed, and counts', async t => {
  const { port, open } = await openServer(t)
  const tally = newTally()
  const opened: number[] = []
  const held = new HeldConnections({
    target: { host: '127.0.0.1', port },
    count: 6,
    openPerSecond: 1000,
    sources: ['127.0.0.1', '127.0.0.2'],
    tally,
    onOpen: (socket, index) => {
      opened.push(index)
      socket.write('x')
    },
  })
  t.after(() => held.close())
  await until(() => tally.statuses['404'] === 6)
  assert.deepEqual([open.get('127.0.0.1')?.size, open.get('127.0.0.2')?.size, open.size], [3, 3, 2])
  for (const socket of open.get('127.0.0.2') ?? []) socket.destroy()
  await until(() => tally.statuses['404'] === 9)
  assert.deepEqual([tally.opened, tally.closed, tally.notOpened], [9, 3, 0])
  assert.ok(tally.peakOpen <= 6)
  assert.deepEqual(new Set(opened), new Set(Array.from({ length: 9 }, (_, index) => index)))
})
