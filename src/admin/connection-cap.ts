/**
 * Bounds what the clients of the admin listener can take of the thread that it shares with the probes of engines, and of
 * the file descriptors of the process: the number of connections, and one request at a time on each.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionCap {
  readonly max: number
  /** The limit has been reached. Not called again while more than half of it are open. */
  readonly onFull: () => void
}

/**
 * Beyond the limit the connection that has been idle for longest is closed, or the one with the oldest request while more
 * of them have one: responses are written at once, so such a request has not been received in full.
 */
export function capConnections(server: Server, { max, onFull }: ConnectionCap): void {
  /** Connections without a request under way, the one that has been idle for longest first. */
  const idle = new Set<Socket>()
  /** Connections with a request under way, the oldest one first. */
  const busy = new Set<Socket>()
  let isFull = false
  server.on('connection', socket => {
    idle.add(socket)
    socket.once('close', () => {
      idle.delete(socket)
      busy.delete(socket)
      if (idle.size + busy.size < max / 2) isFull = false
    })
    if (idle.size + busy.size <= max) return
    if (!isFull) onFull()
    isFull = true
    const [oldest] = busy.size > idle.size ? busy : idle
    oldest?.destroy()
  })
  server.on('request', ({ socket }, response) => {
    // A client that does not wait for the response (pipelining) could have us work through thousands of requests.
    if (busy.has(socket)) return void socket.destroy()
    idle.delete(socket)
    busy.add(socket)
    response.once('close', () => {
      busy.delete(socket)
      if (!socket.destroyed) idle.add(socket)
    })
  })
}
