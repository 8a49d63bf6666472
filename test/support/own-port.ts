/**
 * Ports that stay with a test after it has stopped its server. A port that the system gives may be given to any other
 * server, or to an outgoing connection, as soon as it is free, so what is expected to be refused there may be answered.
 */
import { once } from 'node:events'
import type { Server } from 'node:net'
import { errorCode } from '../../src/core/text/error-text.ts'

/** Linux gives the ports from 32768 on. Each process begins at another one, and none is used twice. */
const [MIN, COUNT] = [10_000, 22_000]
let next = (process.pid * 101) % COUNT

/** @returns the port of 127.0.0.1 on which the server listens */
export async function listenOnOwnPort(server: Server): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = MIN + next
    next = (next + 1) % COUNT
    if (await isListening(server, port)) return port
  }
  throw new Error(`no free port from ${MIN} to ${MIN + COUNT}`)
}

/** @throws Error if the port cannot be used for another reason than that it is in use */
async function isListening(server: Server, port: number): Promise<boolean> {
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch (error) {
    if (errorCode(error) === 'EADDRINUSE') return false
    throw error
  }
}
