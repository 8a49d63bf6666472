/** Which dialect the responses of an endpoint are in. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Dialect } from './dialect.ts'
import { DONE_DIALECT } from './done-dialect.ts'
import { MESSAGES_DIALECT } from './messages.ts'
import { RESPONSES_DIALECT } from './responses.ts'

export const DIALECTS: Readonly<Record<GenerationEndpoint, Dialect>> = {
  generate: DONE_DIALECT,
  chat: DONE_DIALECT,
  completions: DONE_DIALECT,
  responses: RESPONSES_DIALECT,
  messages: MESSAGES_DIALECT,
}
