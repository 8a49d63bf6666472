/** The body of a request to an engine. */

/** In one piece, or in several that follow each other and are written without being joined. */
export type RequestBody = Uint8Array | readonly Uint8Array[]

/** In bytes. */
export function bodyLength(body: RequestBody): number {
  return body instanceof Uint8Array ? body.length : body.reduce((sum, piece) => sum + piece.length, 0)
}
