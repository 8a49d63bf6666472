/**
 * What the heads of requests say about the length of their bodies (RFC 9112 section 6). uWebSockets.js reads them too
 * leniently: an empty `Content-Length` counts as none, the first of several wins, and any `Transfer-Encoding` is taken for
 * `chunked`. A proxy in front of us may read the same bytes as another request (request smuggling, section 11.2). Pure.
 */
import { GatewayError } from '../../core/errors.ts'

/** The head of a request as far as framing is concerned. */
export interface FramedHead {
  readonly method: string
  /** -1 without a `Content-Length` header; NaN if it is not one plain number. */
  readonly contentLength: number
  /** All values of `Transfer-Encoding`, joined by commas; `undefined` without the header. */
  readonly transferEncoding: string | undefined
  readonly requestId: string
}

/** Why no body can be read reliably, or `undefined`. `acceptsChunks` is false if the operator refuses chunked bodies. */
export function framingError(head: FramedHead, acceptsChunks: boolean): GatewayError | undefined {
  const { contentLength, transferEncoding } = head
  if (Number.isNaN(contentLength)) {
    return new GatewayError('invalid-request', 'Invalid Content-Length: send exactly one, as digits')
  }
  if (transferEncoding === undefined) return undefined
  if (transferEncoding.toLowerCase() !== 'chunked') {
    return new GatewayError('invalid-request', 'Invalid Transfer-Encoding: only a single "chunked" is served')
  }
  if (acceptsChunks) return undefined
  return new GatewayError(
    'length-required',
    'Chunked request bodies are not accepted here: send a Content-Length',
  )
}
