/** A client's request as the retry loop sends it to engines: what stays the same from attempt to attempt. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { RankPins } from '../../src/eligibility/rank-pins.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'
import type { Edit } from '../json/edit.ts'
import type { RoutedBy } from '../policy/request-view.ts'
import type { RequestFields } from '../request/fields.ts'
import type { RequestTimeouts } from '../request/timeouts.ts'

export interface EngineRequest extends RoutedBy {
  readonly endpoint: GenerationEndpoint
  /** Path with query. */
  readonly path: string
  readonly headers: FlatHeaders
  /** The client's bytes. */
  readonly body: Uint8Array
  readonly fields: RequestFields
  /** Whether an engine has the API of the endpoint; `undefined` if all have. */
  readonly serves: ((engine: Engine) => boolean) | undefined
  /** The data-parallel ranks that the client names, if it names any. */
  readonly pins?: RankPins | undefined
  /** Changes of the body, where the request is one prompt or sample of the client's. */
  readonly edits: readonly Edit[]
  /** The request is one of several prompts of `/generate`, of which each may be aborted alone. */
  readonly isPromptOfBatch: boolean
  readonly timeouts: RequestTimeouts
  /** On the process clock. */
  readonly deadlineMs: number
  /** The id of the client's exchange. */
  readonly id: number
  /** Identifies the exchange in the log. */
  readonly label: string
}
