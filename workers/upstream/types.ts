/** What the data path asks of a connection to an engine, and what it is told. `engine-connections.ts` does it. */
import type { FlatHeaders } from '../../src/messages/types.ts'

export interface UpstreamRequestOptions {
  readonly method: 'GET' | 'POST'
  /** Path with query. */
  readonly path: string
  readonly headers: FlatHeaders
  readonly body: Uint8Array | undefined
  /** True: never on a connection that was used before. */
  readonly freshConnection?: boolean
}

/** Exactly one of `onEnd` and `onFail` comes, as the last call. After `abort()` none comes. */
export interface ResponseHandler {
  /** Header names in lower case. */
  onHead(status: number, headers: FlatHeaders): void
  /** The bytes are valid during the call only. */
  onData(bytes: Uint8Array): void
  onEnd(): void
  onError(failure: TransportError): void
}

export interface TransportError {
  /** `local`: our own shortage of descriptors, ports or buffers. `invalid`: undici refuses the request as it is. */
  readonly kind: 'connect' | 'connect-timeout' | 'reset' | 'protocol' | 'local' | 'invalid'
  readonly message: string
  /** A connection that had been used before was closed before any byte of the response. */
  readonly isStaleSocket: boolean
}

export interface RequestHandle {
  /** Whether any of the request was written: the engine may have it. */
  readonly wasSent: boolean
  /** Ended, failed or aborted. */
  readonly isDone: boolean
  /** Closes the connection at once, also while the request still waits for one. */
  abort(): void
  /** No more `onData` until `resume`, but for what is on its way. */
  pause(): void
  resume(): void
}
