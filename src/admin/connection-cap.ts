/**
 * Bounds what the clients of the admin listener can take of the thread that it shares with the probes of engines, and of
 * the file descriptors of the process: the number of connections, and one request at a time on each.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export interface ConnectionCap {
  /** Half as many more may be open for a turn of the event loop: a new one may have a request that has not been read yet. */
  readonly max: number
  /** The limit has been reached. Not called again while more than half of it are open. */
  readonly onFull: () => void
}

/**
 * Beyond the limit the connection that has been idle for longest is closed, or the oldest request that has not been
 * received in full while there are more of those.
 */
export function capConnections(server: Server, { max, onFull }: ConnectionCap): void {
  /** Connections without a request under way, the one that has been idle for longest first. */
  const idle = new Set<Socket>()
  /** Connections whose request has not been received in full, the oldest one first. */
  const receiving = new Set<Socket>()
  const busy = new Set<Socket>()
  let open = 0
  let isFull = false
  let isTrimming = false
  const closeOldest = (): boolean => {
    const [oldest] = receiving.size > idle.size ? receiving : idle
    if (oldest === undefined) return false
    // Forgotten now, because its end is reported later.
    forget(oldest)
    oldest.destroy()
    return true
  }
  const forget = (socket: Socket): void => {
    const isKnown = [idle, receiving, busy].map(set => set.delete(socket)).includes(true)
    if (isKnown) open--
    if (open < max / 2) isFull = false
  }
  const isOverfull = (): boolean => open > max
  const trim = (): void => {
    isTrimming = false
    while (isOverfull()) if (!closeOldest()) return
  }
  server.on('connection', socket => {
    open++
    idle.add(socket)
    socket.once('close', () => forget(socket))
    if (!isOverfull()) return
    if (!isFull) onFull()
    isFull = true
    if (open > max * 1.5) closeOldest()
    if (isTrimming) return
    isTrimming = true
    // By the second one, what has arrived on the connections so far has been read.
    setImmediate(() => setImmediate(trim))
  })
  server.on('request', (request, response) => {
    const { socket } = request
    // A client that does not wait for the response (pipelining) could have us work through thousands of requests.
    if (!idle.delete(socket)) return void socket.destroy()
    busy.add(socket)
    receiving.add(socket)
    request.once('end', () => receiving.delete(socket))
    response.once('close', () => {
      receiving.delete(socket)
      if (busy.delete(socket) && !socket.destroyed) idle.add(socket)
    })
  })
}
