/** Makes the request for the engines from what the client has sent and what was read of it. Pure. */
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { servingTest } from '../src/eligibility/api-support.ts'
import type { RankPins } from '../src/eligibility/rank-pins.ts'
import { headerIn, RANK_HEADER, withoutHeader } from '../src/messages/flat-headers.ts'
import type { FlatHeaders, OpenMessage } from '../src/messages/types.ts'
import { ENDPOINT_TRAITS } from './dialects/endpoint-traits.ts'
import { routingKey } from './policy/routing-key.ts'
import { HashedPrompt } from './request/block-hashes.ts'
import type { RequestFields } from './request/fields.ts'
import type { TimedHeaders } from './request/timeouts.ts'
import type { EngineRequest } from './retry/engine-request.ts'

/** What was read of a request. */
export interface ReadRequest {
  readonly endpoint: GenerationEndpoint
  readonly fields: RequestFields
  readonly timed: TimedHeaders
  /** Headers that may hold the routing key; `undefined` if it is not wanted. */
  readonly keyHeaders: readonly string[] | undefined
  readonly pins: RankPins | undefined
}

/** `deadlineMs`: when the request must have ended, on the clock of the thread. */
export function toEngineRequest(
  { id, query, headers, body }: OpenMessage,
  { endpoint, fields, timed, keyHeaders, pins }: ReadRequest,
  deadlineMs: number,
): EngineRequest {
  const { path } = ENDPOINT_TRAITS[endpoint]
  return {
    endpoint,
    path: query === '' ? path : `${path}?${query}`,
    headers: [
      ...headersFor(timed.headers, pins),
      'accept-encoding',
      'identity',
      'content-type',
      'application/json',
    ],
    body,
    fields,
    prompt: fields.prompt && new HashedPrompt(body, fields.prompt),
    key: keyHeaders && routingKey(headers, keyHeaders, fields.routingKey),
    serves: servingTest(endpoint),
    pins,
    edits: [],
    isPromptOfBatch: false,
    timeouts: timed.timeouts,
    deadlineMs,
    id,
    label: headerIn(headers, 'x-request-id') ?? String(id),
  }
}

/** The header would name the same rank to both engines of a pair. */
function headersFor(headers: FlatHeaders, pins: RankPins | undefined): FlatHeaders {
  return pins === undefined || pins.mixed !== undefined ? headers : withoutHeader(headers, RANK_HEADER)
}
