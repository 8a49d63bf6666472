/** The client of the fault tests. A request is identified by its id and routed by its model. */
import { type OpenResponse, postTo } from '../support/read-body.ts'
import type { Shape } from './sound-responses.ts'

const PATHS = { generate: '/generate', chat: '/v1/chat/completions', completions: '/v1/completions' }
/** Long enough for the index of cached prefixes: several blocks, which all requests share. */
const RULES = 'Answer in one short sentence, in the language of the question. '.repeat(20)
const PROMPTS = {
  generate: { text: `${RULES}Say something` },
  chat: {
    messages: [
      { role: 'system', content: RULES },
      { role: 'user', content: 'Say something' },
    ],
  },
  completions: { prompt: `${RULES}Say something` },
}

export interface FaultRequest {
  readonly id: string
  readonly model: string
  readonly shape: Shape
}

export function sendRequest(origin: string, { id, model, shape }: FaultRequest): Promise<Response> {
  return fetch(`${origin}${PATHS[shape.endpoint]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: bodyOf(model, shape),
  })
}

/** For responses that may break off: `fetch` drops what precedes the break. */
export function sendBreakable(origin: string, { id, model, shape }: FaultRequest): Promise<OpenResponse> {
  const headers = { 'content-type': 'application/json', 'x-request-id': id }
  return postTo(`${origin}${PATHS[shape.endpoint]}`, headers, bodyOf(model, shape))
}

function bodyOf(model: string, { endpoint, isStream }: Shape): string {
  return JSON.stringify({ model, stream: isStream, ...PROMPTS[endpoint] })
}
