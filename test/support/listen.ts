/** Opens servers of tests, each on a free port of 127.0.0.1. Whoever has made the server closes it. */
import { once } from 'node:events'
import type { Server } from 'node:net'

/** @returns its port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return address.port
}
