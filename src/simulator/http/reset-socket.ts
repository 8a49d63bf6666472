/** Ends a connection as a crash would. The one place that calls `resetAndDestroy`. */
import type { Socket } from 'node:net'

/** Ends a connection at once: by a reset, or in silence when its orderly end is under way. */
export function resetSocket(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return
  // The system refuses a reset during a shutdown, and Node then never closes the socket: it leaks, and a process that
  // held it spins for ever when it ends. A socket also ends by itself when the other side has ended.
  const isShuttingDown = socket.writableEnded && !socket.writableFinished
  if (isShuttingDown) socket.destroy()
  else socket.resetAndDestroy()
}
