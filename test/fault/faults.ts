/**
 * The faults of the matrix: what a faulty engine sends, byte for byte, and how the gateway must handle it.
 *
 * Source: SGLang, July 2026, its error envelopes, abort finish reasons and PD failures.
 */
import type { Leg } from '../../src/core/errors.ts'
import { bodyResponse, chunk, LAST_CHUNK, type ScriptedResponse, STREAM_HEAD } from './scripted-engine.ts'
import {
  chatEvent,
  completionEvent,
  DONE,
  event,
  eventsOf,
  generated,
  type Shape,
  soundPayload,
  TOKENS,
} from './sound-responses.ts'

/**
 * refused: another attempt would be refused as well, so the client gets the engine's error at once.
 * passing: another attempt succeeds.
 * broken: tokens have been forwarded, so the gateway breaks the stream off with an error event and without `[DONE]`.
 * reported: tokens have been forwarded, and so is the error that the engine writes into its stream, with its `[DONE]`.
 * harmless: nothing is wrong.
 */
export type Fate = 'refused' | 'passing' | 'broken' | 'reported' | 'harmless'

export interface Fault {
  readonly name: string
  /** For a stream of decode. Nothing of an unstreamed response, or of prefill's, is forwarded early. */
  readonly fate: Fate
  /** The status that the client gets when no further attempt is made. */
  readonly status: number
  /** The cause that the log names, as a regular expression. */
  readonly cause: string
  /** A part of the client's error message. */
  readonly message: string
  /** The engine falls silent after its response, so a timer of the gateway must fire. */
  readonly isSilent?: boolean
  /** The engine sends tokens first, so the KV cache has been transferred. */
  readonly isLate?: boolean
  /** The delay that the engine asks for. */
  readonly retryAfterMs?: number
  /** Whom the failure counts against. Only a charge to the engine opens its breaker. */
  readonly chargedTo: 'engine' | 'pair' | 'nobody'
  readonly respond: (shape: Shape, leg: Leg, rid: string) => ScriptedResponse
}

/** A fault by error status, whose envelope depends on the endpoint. */
function status(
  code: number,
  message: string,
  options: {
    fate: Fate
    chargedTo: Fault['chargedTo']
    name?: string
    body?: string
    retryAfterSecs?: number
  },
): Fault {
  const headers = `content-type: application/json${options.retryAfterSecs === undefined ? '' : `\r\nretry-after: ${options.retryAfterSecs}`}`
  const respond = ({ endpoint }: Shape): ScriptedResponse => {
    const native = code === 400 && endpoint === 'generate'
    const type = code === 400 ? 'BadRequestError' : String(code)
    const plain = native ? { error: { message } } : { object: 'error', message, type, param: null, code }
    return { pieces: [bodyResponse(code, options.body ?? JSON.stringify(plain), headers)], ending: 'end' }
  }
  const retryAfter =
    options.retryAfterSecs === undefined ? {} : { retryAfterMs: options.retryAfterSecs * 1000 }
  const name = options.name ?? `${code} ${message.slice(0, 60)}`
  return {
    name,
    fate: options.fate,
    status: code,
    cause: 'status',
    message: shownOf(message),
    chargedTo: options.chargedTo,
    respond,
    ...retryAfter,
  }
}

/** What a client sees of it: no rooms and no addresses inside the fleet. */
function shownOf(message: string): string {
  return message.replaceAll(/(?<=bootstrap_room=)\d+|10\.0\.0\.1:\d+/g, '…')
}

const REFUSED = { fate: 'refused', chargedTo: 'nobody' } as const
const PAIR = { fate: 'passing', chargedTo: 'pair' } as const
const ENGINE = { fate: 'passing', chargedTo: 'engine' } as const

function kvTransferError(what: string, reason: string): Fault {
  const message = `${what} failed for request rank=0 req.rid='x' req.bootstrap_room=42 with exception KVTransferError(bootstrap_room=42): ${reason}`
  return status(500, message, { ...PAIR, name: `500 ${what}: ${reason.slice(0, 40)}` })
}

const OUT_OF_MEMORY = 'Out of memory even after retracting all other requests in the decode batch.'
const TRANSFER_MESSAGE =
  "Decode transfer failed for request rank=0 decode_req.req.rid='x' decode_req.req.bootstrap_room=42 with exception KVTransferError(bootstrap_room=42): Failed to get kvcache from prefill instance, it might be dead"

const STATUSES: readonly Fault[] = [
  status(400, "The input (9 tokens) is longer than the model's context length (8 tokens).", REFUSED),
  status(401, 'Unauthorized', { ...REFUSED, body: '{"error":"Unauthorized"}' }),
  status(413, 'Payload Too Large', { ...REFUSED, body: 'Payload Too Large' }),
  status(422, 'field required', { ...REFUSED, body: '{"detail":"field required"}' }),
  status(429, 'slow down', { ...REFUSED, name: '429 without Retry-After' }),
  status(429, 'slow down', {
    fate: 'passing',
    chargedTo: 'nobody',
    name: '429 with Retry-After',
    retryAfterSecs: 1,
  }),
  status(400, 'Duplicate request ID detected: x', { fate: 'passing', chargedTo: 'nobody' }),
  kvTransferError('Prefill bootstrap', 'Request 42 timed out after 300.0s in KVPoll.Bootstrapping'),
  kvTransferError('Prefill transfer', 'Failed to send kv chunk of 42 to 10.0.0.1:5000'),
  kvTransferError(
    'Prefill transfer',
    'Decode instance could be dead, remote mooncake session 10.0.0.1:5000 is not alive',
  ),
  kvTransferError(
    'Decode handshake',
    'Lost connection with prefill instance (bootstrap_addr: 10.0.0.1:8998)',
  ),
  kvTransferError('Decode transfer', 'Failed to get kvcache from prefill instance, it might be dead'),
  kvTransferError('Decode transfer', 'Request 42 timed out after 300.0s in KVPoll.WaitingForInput'),
  kvTransferError('Decode transfer', 'Aborted by AbortReq.'),
  status(500, 'Metadata corruption detected - bootstrap_room mismatch', PAIR),
  status(500, 'Metadata unexpectedly not ready after readiness gate (bootstrap_room=0)', PAIR),
  status(500, 'Internal Server Error', { ...ENGINE, body: 'Internal Server Error' }),
  status(500, 'Grammar accept_token failed for req x', REFUSED),
  status(503, 'The server is overloaded', ENGINE),
  status(503, 'Using priority is disabled for this server. Please send a new request without a priority.', {
    ...REFUSED,
    name: '503 priority is disabled',
  }),
  {
    name: '500 without its body',
    fate: 'passing',
    status: 500,
    cause: 'status',
    message: 'engine responded with status 500',
    chargedTo: 'engine',
    respond: () => ({ pieces: ['HTTP/1.1 500 Scripted\r\ncontent-length: 100\r\n\r\n'], ending: 'hang' }),
  },
]

const TRANSPORT = {
  fate: 'passing',
  status: 502,
  cause: 'transport',
  message: 'engine',
  chargedTo: 'engine',
} as const
const STALL = {
  fate: 'passing',
  status: 504,
  cause: 'stalled',
  message: 'for',
  chargedTo: 'pair',
  isSilent: true,
} as const

/** The head of the response to a request, without its body. */
function head({ isStream }: Shape): string {
  return isStream
    ? STREAM_HEAD
    : 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n'
}

/** The first half of a response: two tokens of a decode stream without a finish, prefill's token, or half a body. */
function half(shape: Shape, leg: Leg, rid: string): string {
  if (!shape.isStream) return `${head(shape)}${soundPayload(leg, shape, rid).slice(0, 60)}`
  return STREAM_HEAD + firstEvents(shape, rid).map(chunk).join('')
}

/** The events of the first two tokens. */
export function firstEvents({ endpoint }: Shape, rid: string): string[] {
  return eventsOf(endpoint, rid, TOKENS).slice(0, endpoint === 'chat' ? 3 : 2)
}

const CONNECTIONS: readonly Fault[] = [
  { ...TRANSPORT, name: 'reset before head', respond: () => ({ pieces: [], ending: 'reset' }) },
  { ...TRANSPORT, name: 'closed before head', respond: () => ({ pieces: [], ending: 'end' }) },
  { ...TRANSPORT, name: 'reset after head', respond: shape => ({ pieces: [head(shape)], ending: 'reset' }) },
  { ...TRANSPORT, name: 'closed after head', respond: shape => ({ pieces: [head(shape)], ending: 'end' }) },
  {
    ...TRANSPORT,
    name: 'truncated body',
    fate: 'broken',
    isLate: true,
    respond: (shape, leg, rid) => ({
      pieces: [half(shape, leg, rid), shape.isStream ? '5\r\nda' : ''],
      ending: 'end',
    }),
  },
  {
    ...TRANSPORT,
    name: 'reset mid-stream',
    fate: 'broken',
    isLate: true,
    respond: (shape, leg, rid) => ({ pieces: [half(shape, leg, rid)], ending: 'reset' }),
  },
  { ...STALL, name: 'black hole', respond: () => ({ pieces: [], ending: 'hang' }) },
  { ...STALL, name: 'stall after head', respond: shape => ({ pieces: [head(shape)], ending: 'hang' }) },
  {
    ...STALL,
    name: 'stall mid-stream',
    fate: 'broken',
    chargedTo: 'engine',
    isLate: true,
    respond: (shape, leg, rid) => ({ pieces: [half(shape, leg, rid)], ending: 'hang' }),
  },
]

/** A stream of these events, complete by the rules of HTTP. */
function stream(...events: readonly string[]): ScriptedResponse {
  return { pieces: [STREAM_HEAD + events.map(chunk).join(''), LAST_CHUNK], ending: 'end' }
}

function whole(code: number, body: object | string): ScriptedResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { pieces: [bodyResponse(code, text)], ending: 'end' }
}

function errorBody(code: number, message: string): object {
  return { object: 'error', message, type: String(code), param: null, code }
}

function abortReason(message: string, code: number | null): object {
  return { type: 'abort', message, status_code: code, err_type: null }
}

/** OpenAI's error inside a stream, with the spaces of Python's `json.dumps`. */
function errorEvent(message: string, code: number): string {
  const type = 'INTERNAL_SERVER_ERROR'
  const text = JSON.stringify(message)
  return `data: {"error": {"object": "error", "message": ${text}, "type": "${type}", "param": null, "code": ${code}}}\n\n`
}

/** An abort with a status: `/generate` puts it into its meta info, the others into an error event or the status. */
function abortWithStatus(
  { endpoint, isStream }: Shape,
  rid: string,
  message: string,
  code: number,
): ScriptedResponse {
  if (!isStream) return whole(code, errorBody(code, message))
  if (endpoint !== 'generate') return stream(errorEvent(message, code), DONE)
  return stream(event(generated(rid, [], abortReason(message, code))), DONE)
}

/** An abort without a status: requested by a user, or of an engine that has lost the request. */
function abortWithoutStatus(
  { endpoint, isStream }: Shape,
  rid: string,
  code: number | null,
  message: string,
): ScriptedResponse {
  const reason = abortReason(message, code)
  if (endpoint === 'generate') {
    const payload = generated(rid, [], reason)
    return isStream ? stream(event(payload), DONE) : whole(200, payload)
  }
  if (isStream) return stream(openAiFinish(endpoint, rid, 'abort'), DONE)
  const choice = { index: 0, finish_reason: 'abort', message: { role: 'assistant', content: '' }, text: '' }
  return whole(200, { id: rid, choices: [choice], usage: { prompt_tokens: 7, completion_tokens: 0 } })
}

function openAiFinish(endpoint: Shape['endpoint'], rid: string, reason: string): string {
  if (endpoint === 'completions') return completionEvent(rid, '', reason)
  return chatEvent(rid, { reasoning_content: null }, reason)
}

function roleEvent({ endpoint }: Shape, rid: string): string[] {
  return endpoint === 'chat' ? [chatEvent(rid, { role: 'assistant', content: '' })] : []
}

const INSIDE_200: readonly Fault[] = [
  {
    name: 'error event first',
    fate: 'passing',
    status: 500,
    cause: 'error-event',
    message: 'scheduler died',
    chargedTo: 'engine',
    respond: ({ endpoint, isStream }) => {
      if (!isStream) return whole(200, { error: { message: 'scheduler died', code: 500 } })
      const native = event({
        error: { message: 'scheduler died', type: 'server_error', code: 500, retryable: false },
      })
      return stream(endpoint === 'generate' ? native : errorEvent('scheduler died', 500), DONE)
    },
  },
  {
    name: 'abort with status 500',
    fate: 'passing',
    status: 500,
    cause: 'abort|error-event|status',
    message: 'might be dead',
    chargedTo: 'pair',
    respond: (shape, _, rid) => abortWithStatus(shape, rid, TRANSFER_MESSAGE, 500),
  },
  {
    name: 'abort with status 400',
    fate: 'refused',
    status: 400,
    cause: 'abort|error-event|status',
    message: 'Input length',
    chargedTo: 'nobody',
    respond: (shape, _, rid) =>
      abortWithStatus(
        shape,
        rid,
        'Input length (9 tokens) exceeds the maximum allowed length (8 tokens).',
        400,
      ),
  },
  {
    name: 'abort without status',
    fate: 'passing',
    status: 500,
    cause: 'abort',
    message: '',
    chargedTo: 'engine',
    respond: (shape, _, rid) => abortWithoutStatus(shape, rid, null, 'Abort in waiting queue'),
  },
  {
    name: 'abort in the 200 of an old build',
    fate: 'passing',
    status: 500,
    cause: 'abort',
    message: '',
    chargedTo: 'engine',
    respond: (shape, _, rid) => abortWithoutStatus(shape, rid, 500, 'out of luck'),
  },
  {
    name: 'silent abort: a role and a finish without a message',
    fate: 'passing',
    status: 500,
    cause: 'abort',
    message: '',
    chargedTo: 'engine',
    respond: (shape, _, rid) => {
      const { endpoint, isStream } = shape
      if (!isStream || endpoint === 'generate') return abortWithoutStatus(shape, rid, null, '')
      return stream(...roleEvent(shape, rid), openAiFinish(endpoint, rid, 'abort'), DONE)
    },
  },
  {
    name: 'a redirect',
    fate: 'passing',
    status: 502,
    cause: 'status',
    message: 'redirect (307), which is not followed',
    chargedTo: 'engine',
    respond: () => whole(307, '<html>moved</html>'),
  },
  {
    name: 'garbage',
    fate: 'passing',
    status: 502,
    cause: 'protocol',
    message: 'not JSON',
    chargedTo: 'engine',
    respond: ({ isStream }) => (isStream ? stream('data: <html>\n\n') : whole(200, '<html>oops</html>')),
  },
  {
    name: 'end without [DONE]',
    fate: 'broken',
    status: 502,
    cause: 'protocol|transport',
    message: '',
    chargedTo: 'engine',
    isLate: true,
    respond: (shape, leg, rid) =>
      shape.isStream
        ? { pieces: [half(shape, leg, rid), LAST_CHUNK], ending: 'end' }
        : { pieces: [half(shape, leg, rid)], ending: 'end' },
  },
  {
    name: 'error after two tokens',
    fate: 'reported',
    status: 500,
    cause: 'error-event|abort|status',
    message: 'Out of memory',
    chargedTo: 'engine',
    isLate: true,
    respond: (shape, _, rid) => {
      if (!shape.isStream) return whole(500, errorBody(500, OUT_OF_MEMORY))
      return stream(...failingEvents(shape, rid), DONE)
    },
  },
]

/** Two tokens, then the failure as the engine reports it. Its `[DONE]` follows as if the stream were complete. */
export function failingEvents(shape: Shape, rid: string): string[] {
  const last =
    shape.endpoint === 'generate'
      ? event(generated(rid, TOKENS.slice(0, 2), abortReason(OUT_OF_MEMORY, 500)))
      : errorEvent(OUT_OF_MEMORY, 500)
  return [...firstEvents(shape, rid), last]
}

const HARMLESS: readonly Fault[] = [
  {
    name: 'split at every byte',
    fate: 'harmless',
    status: 200,
    cause: '',
    message: '',
    chargedTo: 'nobody',
    respond: (shape, leg, rid) => {
      const payload = soundPayload(leg, shape, rid)
      const bytes = Buffer.from(
        shape.isStream ? STREAM_HEAD + chunk(payload) + LAST_CHUNK : bodyResponse(200, payload),
      )
      return { pieces: [...bytes].map(byte => Uint8Array.of(byte)), ending: 'end' }
    },
  },
]

export const FAULTS: readonly Fault[] = [...STATUSES, ...CONNECTIONS, ...INSIDE_200, ...HARMLESS]

export function soundResponse(leg: Leg, shape: Shape, rid: string): ScriptedResponse {
  const payload = soundPayload(leg, shape, rid)
  return shape.isStream
    ? { pieces: [STREAM_HEAD + chunk(payload) + LAST_CHUNK], ending: 'end' }
    : { pieces: [bodyResponse(200, payload)], ending: 'end' }
}

/** What an engine sends whose partner failed before the KV transfer: it waits, for 300 s. */
export function waitingResponse({ endpoint, isStream }: Shape): ScriptedResponse {
  return { pieces: endpoint === 'generate' && isStream ? [STREAM_HEAD] : [], ending: 'hang' }
}
