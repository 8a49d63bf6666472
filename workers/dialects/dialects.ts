/** Which dialect the responses of an endpoint are in. */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
import type { Dialect } from './dialect.ts'
import { DONE_DIALECT } from './done-dialect.ts'

export const DIALECTS: Readonly<Record<GenerationEndpoint, Dialect>> = {
  generate: DONE_DIALECT,
  chat: DONE_DIALECT,
  completions: DONE_DIALECT,
}
