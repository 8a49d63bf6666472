/** The interface between the data path and a request to an engine. `engine-pool.ts` implements it. */
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { RequestBody } from './request-body.ts'

export interface UpstreamRequestOptions {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly path: string
  readonly headers: FlatHeaders
  readonly body: RequestBody | undefined
  /** If true, the request never uses a connection that has carried another request. */
  readonly freshConnection?: boolean
}

/** The last call is either `onEnd` or `onError`, exactly once. After `RequestHandle.abort()` or `leave()` no call is made. */
export interface ResponseHandler {
  /** Header names are in lower case. Interim responses (1xx) are not reported. */
  onHead(status: number, headers: FlatHeaders): void
  /** `bytes` is valid during the call only. */
  onData(bytes: Uint8Array): void
  onEnd(): void
  onError(failure: TransportError): void
}

export interface TransportError {
  /**
   * `local`: the gateway's host lacks descriptors, ports or buffers. `invalid`: undici rejects the request itself.
   * `protocol`: the response is not valid HTTP.
   */
  readonly kind: 'connect' | 'connect-timeout' | 'reset' | 'protocol' | 'local' | 'invalid'
  readonly message: string
  /** A reused connection was closed before any byte of the response arrived. */
  readonly isStaleSocket: boolean
  /** Whether the request had been written when the connection was lost, so that the engine may have ended over it. */
  readonly wasSent?: boolean
}

export interface RequestHandle {
  /** Whether any part of the request was written, so that the engine may have received it. */
  readonly wasSent: boolean
  /** Whether the request has ended, failed or been aborted. */
  readonly isDone: boolean
  /**
   * No further call is made to the handler, and the rest of the response is dropped. The connection is kept if the
   * response ends within a second, and closed otherwise.
   */
  leave(): void
  /** Closes the connection at once, or stops waiting for one. Does nothing after `leave`. */
  abort(): void
  /** Stops `onData` until `resume`, except for data that is being delivered. */
  pause(): void
  resume(): void
}
