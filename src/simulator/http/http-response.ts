/** Writing to a response as uvicorn would: its headers, its chunks. */
import type { ServerResponse } from 'node:http'

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

/**
 * One HTTP chunk in one write. Node's own way hands the socket four pieces a chunk, and streams of single
 * tokens are all chunks. The head is out by then, and nothing else writes to the response before its end.
 */
export function writeChunk(response: ServerResponse, text: string): void {
  const bytes = Buffer.byteLength(text).toString(16)
  response.socket?.write(`${bytes}\r\n${text}\r\n`)
}
