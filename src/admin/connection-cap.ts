/**
 * Bounds the connections of the admin listener, which shares a thread with the probes of engines: a flood must neither take
 * the file descriptors of the process nor the time of the thread. The connection that has been idle for longest is closed.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionCap {
  readonly max: number
  /** The limit has been reached. Not called again while more than half of it are open. */
  readonly onFull: () => void
}

export function capConnections(server: Server, { max, onFull }: ConnectionCap): void {
  /** Connections without a request under way, the one that has been idle for longest first. */
  const idle = new Set<Socket>()
  let open = 0
  let isFull = false
  server.on('connection', socket => {
    open++
    idle.add(socket)
    socket.once('close', () => {
      open--
      idle.delete(socket)
      if (open < max / 2) isFull = false
    })
    if (open <= max) return
    if (!isFull) onFull()
    isFull = true
    const [oldest = socket] = idle
    idle.delete(oldest)
    oldest.destroy()
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    response.once('close', () => {
      if (!socket.destroyed) idle.add(socket)
    })
  })
}
