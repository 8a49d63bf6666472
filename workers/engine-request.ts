/** Makes the request for the engines from what the client has sent and what was read of it. Pure. */
import type { GenerationEndpoint } from '../src/core/endpoint.ts'
import { headerIn } from '../src/messages/flat-headers.ts'
import type { OpenMessage } from '../src/messages/types.ts'
import { HashedPrompt } from './request/block-hashes.ts'
import type { RequestFields } from './request/fields.ts'
import type { TimedHeaders } from './request/timeouts.ts'
import type { EngineRequest } from './retry/engine-request.ts'

const PATHS = {
  generate: '/generate',
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
} as const satisfies Record<GenerationEndpoint, string>

/** What was read of a request. */
export interface ReadRequest {
  readonly endpoint: GenerationEndpoint
  readonly fields: RequestFields
  readonly timed: TimedHeaders
}

/** `deadlineMs`: when the request must have ended, on the clock of the thread. */
export function toEngineRequest(
  { id, query, headers, body }: OpenMessage,
  { endpoint, fields, timed }: ReadRequest,
  deadlineMs: number,
): EngineRequest {
  return {
    endpoint,
    path: query === '' ? PATHS[endpoint] : `${PATHS[endpoint]}?${query}`,
    headers: [...timed.headers, 'accept-encoding', 'identity', 'content-type', 'application/json'],
    body,
    fields,
    prompt: new HashedPrompt(body, fields.prompt),
    edits: [],
    isPromptOfBatch: false,
    timeouts: timed.timeouts,
    deadlineMs,
    id,
    label: headerIn(headers, 'x-request-id') ?? String(id),
  }
}
