/** Opens servers of tests, each on a free port of 127.0.0.1. The caller closes the server. */
import { once } from 'node:events'
import type { Server } from 'node:net'

/** Returns the port that the server listens on. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return address.port
}
