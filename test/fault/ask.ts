/** A client of the fault tests: one request, named by its id, for the engines that serve its model. */
import type { Shape } from './sound-answers.ts'

const PATHS = { generate: '/generate', chat: '/v1/chat/completions', completions: '/v1/completions' }
const QUESTIONS = {
  generate: { text: 'Say something' },
  chat: { messages: [{ role: 'user', content: 'Say something' }] },
  completions: { prompt: 'Say something' },
}

export interface Question {
  readonly id: string
  readonly model: string
  readonly shape: Shape
}

export function ask(origin: string, { id, model, shape }: Question): Promise<Response> {
  return fetch(`${origin}${PATHS[shape.endpoint]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model, stream: shape.isStream, ...QUESTIONS[shape.endpoint] }),
  })
}
