/**
 * How each API words an error for its clients, whose libraries look nowhere else for the message: as a whole response, or
 * as the last event of a stream. Pure.
 */
import type { Endpoint } from '../core/endpoint.ts'
import { errorBody, type GatewayError, messageFor, streamErrorBody } from '../core/errors.ts'
import { anthropicBody, anthropicErrorOf } from './anthropic-error.ts'

export interface ErrorDialect {
  /** JSON text of a whole response. */
  body(error: GatewayError): string
  /** The event with which a stream breaks off, with its blank line. */
  event(error: GatewayError): string
  /** What ends a stream that is complete, if its last event does not say so. */
  readonly done: string
}

/** OpenAI's chat and completions, SGLang's `/generate`, and whatever is no API of its own. */
export const OPENAI_ERRORS: ErrorDialect = {
  body: errorBody,
  event: error => `data: ${streamErrorBody(error)}\n\n`,
  done: 'data: [DONE]\n\n',
}

/**
 * OpenAI's Responses. Events have names, and `error` has its fields at the top level. The same fields stand under `error`,
 * too, because openai-node 6.49 and openai-python raise an error only for an event that has it.
 */
const RESPONSES_ERRORS: ErrorDialect = {
  body: errorBody,
  event: error => {
    const { code } = error
    const message = JSON.stringify(messageFor(error))
    const nested = streamErrorBody(error).slice(1)
    return `event: error\ndata: {"type":"error","code":"${code}","message":${message},"param":null,${nested}\n\n`
  },
  done: '',
}

/** Anthropic's Messages. */
const ANTHROPIC_ERRORS: ErrorDialect = {
  body: anthropicBody,
  event: error => `event: error\ndata: ${anthropicErrorOf(error)}\n\n`,
  done: '',
}

/** The dialect of a path, served or not. Engines go by the same beginnings (SGLang 0.5.23). */
export function errorDialectAt(path: string): ErrorDialect {
  if (path.startsWith('/v1/messages')) return ANTHROPIC_ERRORS
  return path.startsWith('/v1/responses') ? RESPONSES_ERRORS : OPENAI_ERRORS
}

export function errorDialectOf(endpoint: Endpoint): ErrorDialect {
  if (endpoint === 'messages' || endpoint === 'count-tokens') return ANTHROPIC_ERRORS
  return endpoint === 'responses' ? RESPONSES_ERRORS : OPENAI_ERRORS
}
