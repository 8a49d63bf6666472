/**
 * The whole response to a request that its client has aborted by rid before the engines had anything to send. A single
 * engine answers with status 200, no token and the finish reason `abort` (SGLang 0.5.23). The engines of a pair report a
 * failed KV transfer with status 500 instead, which client libraries repeat. Pure.
 */
import type { GenerationEndpoint } from '../../src/core/endpoint.ts'
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

type AbortedRequest = Pick<EngineRequest, 'endpoint' | 'fields' | 'label'>

const USAGE = { prompt_tokens: 0, total_tokens: 0, completion_tokens: 0, prompt_tokens_details: null }

/** `undefined` for an API that has no such form. `nowMs`: the present time in Unix milliseconds. */
export function abortedOutput(
  request: AbortedRequest,
  message: string,
  nowMs: number,
): AbortedOutput | undefined {
  const { endpoint, fields } = request
  if (endpoint === 'generate')
    return fields.isStream ? stream(items(request, message)) : json(list(request, message))
  if (endpoint !== 'chat' && endpoint !== 'completions') return undefined
  const objects = objectsOf(request, endpoint, nowMs)
  return fields.isStream ? stream(objects) : json(Buffer.concat(objects))
}

/** One for each part, with the name that the client has given its prompt. */
function items({ fields, label }: AbortedRequest, message: string): Buffer[] {
  const isMany = isList(fields)
  return Array.from({ length: countParts(fields) }, (_, part) => {
    const rid = partRid(fields, Math.floor(part / fields.n)) ?? label
    return abortedItem(rid, message, isMany && fields.isStream ? part : undefined)
  })
}

function list(request: AbortedRequest, message: string): Buffer {
  const all = items(request, message)
  return isList(request.fields) ? Buffer.from(`[${all.join()}]`) : Buffer.concat(all)
}

function isList({ batch, n }: AbortedRequest['fields']): boolean {
  return batch !== undefined || n > 1
}

/** The whole object; in a stream one for each choice, and one for the usage if the client wants it. */
function objectsOf(
  { fields, label }: AbortedRequest,
  endpoint: 'chat' | 'completions',
  nowMs: number,
): Buffer[] {
  const { isStream, clientRid, model, includesUsage } = fields
  const head = {
    id: typeof clientRid === 'string' ? clientRid : (clientRid?.[0] ?? label),
    object: nameOf(endpoint, isStream),
    created: Math.floor(nowMs / 1000),
    model: model ?? '',
  }
  const objectWith = (choices: readonly Buffer[], rest: object): Buffer => {
    const [start, end] = [JSON.stringify(head).slice(0, -1), JSON.stringify(rest).slice(1)]
    return Buffer.from(`${start},"choices":[${choices.join()}]${end === '}' ? '' : ','}${end}`)
  }
  const choices = Array.from({ length: countParts(fields) }, (_, part) =>
    abortedChoice(endpoint, isStream, part),
  )
  if (!isStream) return [objectWith(choices, { usage: USAGE })]
  const chunks = choices.map(choice => objectWith([choice], {}))
  return includesUsage ? [...chunks, objectWith([], { usage: USAGE })] : chunks
}

function nameOf(endpoint: GenerationEndpoint, isStream: boolean): string {
  if (endpoint === 'completions') return 'text_completion'
  return isStream ? 'chat.completion.chunk' : 'chat.completion'
}

function json(body: Buffer): AbortedOutput {
  return { headers: ['content-type', 'application/json'], body }
}

function stream(events: readonly Buffer[]): AbortedOutput {
  const body = Buffer.concat([...events.map(event => toEvent(event)), toEvent('[DONE]')])
  return { headers: ['content-type', 'text/event-stream; charset=utf-8'], body }
}
