/** Makes the request for the engines from what the client has sent and what was read of it. Pure. */
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { servingTest } from '../src/eligibility/api-support.ts'
import { headerIn } from '../src/messages/flat-headers.ts'
import type { OpenMessage } from '../src/messages/types.ts'
import { ENDPOINT_TRAITS } from './dialects/endpoint-traits.ts'
import { routingKey } from './policy/routing-key.ts'
import { HashedPrompt } from './request/block-hashes.ts'
import type { RequestFields } from './request/fields.ts'
import type { TimedHeaders } from './request/timeouts.ts'
import type { PinnedRank } from './request-check.ts'
import type { EngineRequest } from './retry/engine-request.ts'

/** What was read of a request. */
export interface ReadRequest {
  readonly endpoint: GenerationEndpoint
  readonly fields: RequestFields
  readonly timed: TimedHeaders
  /** Headers that may hold the routing key; `undefined` if it is not wanted. */
  readonly keyHeaders: readonly string[] | undefined
  readonly pinned: PinnedRank | undefined
}

/** `deadlineMs`: when the request must have ended, on the clock of the thread. */
export function toEngineRequest(
  { id, query, headers, body }: OpenMessage,
  { endpoint, fields, timed, keyHeaders, pinned }: ReadRequest,
  deadlineMs: number,
): EngineRequest {
  const { path } = ENDPOINT_TRAITS[endpoint]
  return {
    endpoint,
    path: query === '' ? path : `${path}?${query}`,
    headers: [...timed.headers, 'accept-encoding', 'identity', 'content-type', 'application/json'],
    body,
    fields,
    prompt: fields.prompt && new HashedPrompt(body, fields.prompt),
    key: keyHeaders && routingKey(headers, keyHeaders, fields.routingKey),
    serves: servingTest(endpoint),
    pinnedRank: pinned?.rank,
    edits: [],
    isPromptOfBatch: false,
    timeouts: timed.timeouts,
    deadlineMs,
    id,
    label: headerIn(headers, 'x-request-id') ?? String(id),
  }
}
