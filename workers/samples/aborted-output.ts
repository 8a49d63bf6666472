/**
 * The whole response to a request that its client has aborted by rid before the engines had anything to send. A single
 * engine answers with status 200, no token and the finish reason `abort` (SGLang 0.5.23). The engines of a pair report a
 * failed KV transfer with status 500 instead, which client libraries repeat. Pure.
 */
import type { EngineRequest } from '../retry/engine-request.ts'
import { toEvent } from '../sse/events.ts'
import { abortedChoice, abortedItem } from './aborted-part.ts'
import { countParts, partRid } from './parts.ts'

/** A response with status 200. */
export interface AbortedOutput {
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** Of a stream of events that the gateway begins itself. */
export const EVENT_STREAM: readonly string[] = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache',
]

type AbortedRequest = Pick<EngineRequest, 'endpoint' | 'fields' | 'label'>

const USAGE = { prompt_tokens: 0, total_tokens: 0, completion_tokens: 0, prompt_tokens_details: null }

/** `undefined` for an API that has no such form. `nowMs`: the present time in Unix milliseconds. */
export function abortedOutput(
  request: AbortedRequest,
  message: string,
  nowMs: number,
): AbortedOutput | undefined {
  const { endpoint, fields } = request
  const { isStream } = fields
  if (endpoint === 'generate') {
    const all = items(request, message)
    return isStream ? stream(all) : json(isList(fields) ? all : all[0])
  }
  if (endpoint !== 'chat' && endpoint !== 'completions') return undefined
  return isStream ? stream(chunks(request, endpoint, nowMs)) : json(completion(request, endpoint, nowMs))
}

/** One for each part, with the name that the client has given its prompt. */
function items({ fields, label }: AbortedRequest, message: string): object[] {
  const hasIndex = isList(fields) && fields.isStream
  return Array.from({ length: countParts(fields) }, (_, part) => {
    const rid = partRid(fields, Math.floor(part / fields.n)) ?? label
    return abortedItem(rid, message, hasIndex ? part : undefined)
  })
}

function isList({ batch, n }: AbortedRequest['fields']): boolean {
  return batch !== undefined || n > 1
}

type Endpoint = 'chat' | 'completions'

function completion(request: AbortedRequest, endpoint: Endpoint, nowMs: number): object {
  const object = endpoint === 'chat' ? 'chat.completion' : 'text_completion'
  return { ...headOf(request, object, nowMs), choices: choicesOf(request, endpoint), usage: USAGE }
}

/** One for each choice, and one for the usage if the client wants it. */
function chunks(request: AbortedRequest, endpoint: Endpoint, nowMs: number): object[] {
  const head = headOf(request, endpoint === 'chat' ? 'chat.completion.chunk' : 'text_completion', nowMs)
  const withChoices = (choices: readonly object[]): object => ({ ...head, choices })
  const all = choicesOf(request, endpoint).map(choice => withChoices([choice]))
  if (request.fields.includesUsage) all.push({ ...head, choices: [], usage: USAGE })
  return all
}

function headOf({ fields, label }: AbortedRequest, object: string, nowMs: number): object {
  const { clientRid, model = '' } = fields
  const id = typeof clientRid === 'string' ? clientRid : (clientRid?.[0] ?? label)
  return { id, object, created: Math.floor(nowMs / 1000), model }
}

function choicesOf({ fields }: AbortedRequest, endpoint: Endpoint): object[] {
  return Array.from({ length: countParts(fields) }, (_, part) =>
    abortedChoice(endpoint, fields.isStream, part),
  )
}

function json(value: unknown): AbortedOutput {
  return { headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify(value)) }
}

function stream(events: readonly object[]): AbortedOutput {
  const body = Buffer.concat([...events.map(event => toEvent(JSON.stringify(event))), toEvent('[DONE]')])
  return { headers: EVENT_STREAM, body }
}
