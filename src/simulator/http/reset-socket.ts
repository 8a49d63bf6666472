/** Closes a connection abruptly, as in a crash. Only this file calls `resetAndDestroy`. */
import type { Socket } from 'node:net'

/** Closes a connection at once: with a reset, or without one if its shutdown has begun. */
export function resetSocket(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return
  // libuv rejects a reset during a shutdown, and Node then never closes the socket: it leaks, and the process spins at its
  // exit. A shutdown also begins when the peer has closed its side.
  const isShuttingDown = socket.writableEnded && !socket.writableFinished
  if (isShuttingDown) socket.destroy()
  else socket.resetAndDestroy()
}
