/** A client's request as the retry loop sends it to engines: what stays the same from attempt to attempt. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { RequestFields } from '../request/fields.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'

export interface EngineRequest {
  readonly endpoint: GenerationEndpoint
  /** Path with query. */
  readonly path: string
  readonly headers: FlatHeaders
  /** The client's bytes. */
  readonly body: Uint8Array
  readonly fields: RequestFields
  /** The request is one of several samples, so every `n` in its body becomes 1. */
  readonly singleSample: boolean
  readonly timeouts: RequestTimeouts
  /** On the process clock. */
  readonly deadlineMs: number
  /** The id of the client's exchange. */
  readonly id: number
  /** Identifies the exchange in the log. */
  readonly label: string
}
