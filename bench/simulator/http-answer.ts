/** Writing to a response as uvicorn would: its headers, its chunks, its way to vanish. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** uvicorn sends neither Connection nor Keep-Alive, and closes idle connections all the same. */
export function hideConnectionHeaders(response: ServerResponse): void {
  response.removeHeader('connection')
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed || response.headersSent) return
  hideConnectionHeaders(response)
  const length = Buffer.byteLength(body)
  const fixed = { 'content-type': 'application/json', 'content-length': length, server: 'uvicorn' }
  response.writeHead(status, { ...fixed, ...headers })
  response.end(body)
}

/** Ends a connection at once: by a reset, or in silence when its orderly end is under way. */
export function resetSocket(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return
  // The system refuses a reset during a shutdown, and Node then never closes the socket: it leaks, and a process that
  // held it spins for ever when it ends.
  const isShuttingDown = socket.writableEnded && !socket.writableFinished
  if (isShuttingDown) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * One HTTP chunk in one write. Node's own way hands the socket four pieces a chunk, and streams of single
 * tokens are all chunks. The head is out by then, and nothing else writes to the response before its end.
 */
export function writeChunk(response: ServerResponse, text: string): void {
  const bytes = Buffer.byteLength(text).toString(16)
  response.socket?.write(`${bytes}\r\n${text}\r\n`)
}
