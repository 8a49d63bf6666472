/** Ports for engines. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Linux gives outgoing connections the ports from 32768 on. */
const MIN = 12_000
const MAX = 32_000
const TRIES = 100

/**
 * A free port of 127.0.0.1 that no outgoing connection will take: an engine needs a minute until it listens, and comes
 * back at the same port after it was killed. With a `count`, the ports that follow are free, too: as many as that in all.
 * @throws Error if there is none.
 */
export async function enginePort(count = 1, random: () => number = Math.random): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = MIN + Math.floor(random() * (MAX - MIN))
    const ports = Array.from({ length: count }, (_, index) => port + index)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return port
  }
  throw new Error(`No free port from ${MIN} to ${MAX} in ${TRIES} tries: end programs that listen there`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
