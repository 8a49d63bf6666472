/** One kind of request of the conformance list, and the bodies that most kinds build on. */
import { MODEL } from '../engines/engine-command.ts'

export interface Case {
  /** Unique; begins with the endpoint: `generate`, `chat` or `completions`. */
  readonly name: string
  readonly path: string
  /** `POST` by default. */
  readonly method?: string
  /** JSON value, or the bytes of a body that is meant not to be JSON. */
  readonly body?: unknown
}

export type Body = Readonly<Record<string, unknown>>

export const PROMPT = 'The with statement is used to wrap the execution of a block'
export const PROMPTS = [PROMPT, 'An assignment evaluates the expression list', 'Names refer to objects']
/** Each fits into the vocabulary; the first is no special token. */
export const IDS = [300, 411, 522, 633, 744, 855]
export const QUESTION = [{ role: 'user', content: 'What does the statement evaluate first?' }]

/** A body of /generate. */
export function generate(sampling: Body = {}, more: Body = {}): Body {
  return { text: PROMPT, sampling_params: { temperature: 0, max_new_tokens: 8, ...sampling }, ...more }
}

/** A body of /v1/chat/completions. */
export function chat(more: Body = {}): Body {
  return { model: MODEL, messages: QUESTION, temperature: 0, max_tokens: 8, ...more }
}

/** A body of /v1/completions. */
export function completions(more: Body = {}): Body {
  return { model: MODEL, prompt: PROMPT, temperature: 0, max_tokens: 8, ...more }
}

/** Each body as a whole response and as a stream. */
export function bothWays(path: string, bodies: Readonly<Record<string, Body>>): Case[] {
  const prefix = PREFIXES[path]
  return Object.entries(bodies).flatMap(([name, body]) => [
    { name: `${prefix} ${name}`, path, body },
    { name: `${prefix} ${name}, stream`, path, body: { ...body, stream: true } },
  ])
}

/** Each body as it is. */
export function asIs(path: string, bodies: Readonly<Record<string, unknown>>): Case[] {
  return Object.entries(bodies).map(([name, body]) => ({ name: `${PREFIXES[path]} ${name}`, path, body }))
}

export const GENERATE = '/generate'
export const CHAT = '/v1/chat/completions'
export const COMPLETIONS = '/v1/completions'

const PREFIXES: Readonly<Record<string, string>> = {
  [GENERATE]: 'generate',
  [CHAT]: 'chat',
  [COMPLETIONS]: 'completions',
}
