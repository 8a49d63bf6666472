/** Writes responses with the headers and chunks of uvicorn. */
import type { ServerResponse } from 'node:http'

/** Removes the headers about the connection: uvicorn sends neither Connection nor Keep-Alive, yet closes idle connections. */
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
  const fixed = { 'content-type': 'application/json', 'content-length': length }
  response.writeHead(status, { ...fixed, ...headers })
  response.end(body)
}

/** The response to an exception that reaches the HTTP server itself: a plain text. */
export function internalServerError(response: ServerResponse): void {
  hideConnectionHeaders(response)
  response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' })
  response.end('Internal Server Error')
}

/**
 * Writes one HTTP chunk with a single write to the socket, where Node would use four.
 *
 * The response head must have been sent, and nothing else may write to the response until it ends.
 */
export function writeChunk(response: ServerResponse, text: string): void {
  const bytes = Buffer.byteLength(text).toString(16)
  response.socket?.write(`${bytes}\r\n${text}\r\n`)
}
