/**
 * The faults of the matrix: what a faulty engine sends, byte for byte, and what the gateway must make of it.
 *
 * Sources: SGLang 2026-07, error envelopes, abort finish reasons and the catalogue of PD failures.
 */
import type { Leg } from '../../src/core/errors.ts'
import { bodyAnswer, chunk, LAST_CHUNK, type Play, STREAM_HEAD } from './scripted-engine.ts'
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
} from './sound-answers.ts'

/**
 * refused: another attempt would be refused as well, the client gets the engine's word at once.
 * passing: another attempt helps.
 * broken: tokens have been passed on, the gateway ends the stream with an error event and `[DONE]`.
 * harmless: there is nothing wrong.
 */
export type Fate = 'refused' | 'passing' | 'broken' | 'harmless'

export interface Fault {
  readonly name: string
  /** Of the leg that plays it. On a whole answer, and on prefill's, nothing has been passed on yet. */
  readonly fate: Fate
  /** What the client gets when no further attempt is made. */
  readonly status: number
  /** As the log names it. */
  readonly cause: string
  /** Part of the client's error message. */
  readonly says: string
  /** The engine does nothing at all after what it plays: a timer of the gateway must notice. */
  readonly isSilent?: boolean
  /** Tokens leave the engine first, so the KV cache has been handed over. */
  readonly isLate?: boolean
  /** What the engine asks for. */
  readonly retryAfterMs?: number
  /** Not the guilty leg's breaker: nobody's, or the pair's link. */
  readonly blame: 'engine' | 'link' | 'none'
  readonly play: (shape: Shape, leg: Leg, rid: string) => Play
}

/** Error statuses: the envelope depends on the endpoint (E1 to E4 of the contract). */
function status(
  code: number,
  message: string,
  more: { fate: Fate; blame: Fault['blame']; name?: string; body?: string; retryAfterSecs?: number },
): Fault {
  const headers = `content-type: application/json${more.retryAfterSecs === undefined ? '' : `\r\nretry-after: ${more.retryAfterSecs}`}`
  const play = ({ endpoint }: Shape): Play => {
    const native = code === 400 && endpoint === 'generate'
    const type = code === 400 ? 'BadRequestError' : String(code)
    const plain = native ? { error: { message } } : { object: 'error', message, type, param: null, code }
    return { pieces: [bodyAnswer(code, more.body ?? JSON.stringify(plain), headers)], ending: 'end' }
  }
  const retryAfter = more.retryAfterSecs === undefined ? {} : { retryAfterMs: more.retryAfterSecs * 1000 }
  const name = more.name ?? `${code} ${message.slice(0, 60)}`
  return {
    name,
    fate: more.fate,
    status: code,
    cause: 'status',
    says: message,
    blame: more.blame,
    play,
    ...retryAfter,
  }
}

const REFUSED = { fate: 'refused', blame: 'none' } as const
const LINK = { fate: 'passing', blame: 'link' } as const
const ENGINE = { fate: 'passing', blame: 'engine' } as const

function kvTransferError(what: string, reason: string): Fault {
  const message = `${what} failed for request rank=0 req.rid='x' req.bootstrap_room=42 with exception KVTransferError(bootstrap_room=42): ${reason}`
  return status(500, message, { ...LINK, name: `500 ${what}: ${reason.slice(0, 40)}` })
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
    blame: 'none',
    name: '429 with Retry-After',
    retryAfterSecs: 1,
  }),
  status(400, 'Duplicate request ID detected: x', { fate: 'passing', blame: 'none' }),
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
  status(500, 'Metadata corruption detected - bootstrap_room mismatch', LINK),
  status(500, 'Metadata unexpectedly not ready after readiness gate (bootstrap_room=0)', LINK),
  status(500, 'Internal Server Error', { ...ENGINE, body: 'Internal Server Error' }),
  status(500, 'Grammar accept_token failed for req x', REFUSED),
  status(503, 'The server is overloaded', ENGINE),
  status(503, 'Using priority is disabled for this server. Please send a new request without a priority.', {
    ...REFUSED,
    name: '503 priority is disabled',
  }),
  {
    name: '500 whose body does not come',
    fate: 'passing',
    status: 500,
    cause: 'status',
    says: 'engine responded with status 500',
    blame: 'engine',
    play: () => ({ pieces: ['HTTP/1.1 500 Scripted\r\ncontent-length: 100\r\n\r\n'], ending: 'hang' }),
  },
]

const TRANSPORT = {
  fate: 'passing',
  status: 502,
  cause: 'transport',
  says: 'engine',
  blame: 'engine',
} as const
const STALL = {
  fate: 'passing',
  status: 504,
  cause: 'stalled',
  says: 'for',
  blame: 'link',
  isSilent: true,
} as const

/** A head, as this request would get it, without anything behind it. */
function head({ isStream }: Shape): string {
  return isStream
    ? STREAM_HEAD
    : 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n'
}

/** The first half of the answer: two tokens of decode's stream and no finish, prefill's token, half a body. */
function half(shape: Shape, leg: Leg, rid: string): string {
  if (!shape.isStream) return `${head(shape)}${soundPayload(leg, shape, rid).slice(0, 60)}`
  return STREAM_HEAD + firstEvents(shape, rid).map(chunk).join('')
}

/** Events with the first two tokens. */
export function firstEvents({ endpoint }: Shape, rid: string): string[] {
  return eventsOf(endpoint, rid, TOKENS).slice(0, endpoint === 'chat' ? 3 : 2)
}

const CONNECTIONS: readonly Fault[] = [
  { ...TRANSPORT, name: 'reset before head', play: () => ({ pieces: [], ending: 'reset' }) },
  { ...TRANSPORT, name: 'closed before head', play: () => ({ pieces: [], ending: 'end' }) },
  { ...TRANSPORT, name: 'reset after head', play: shape => ({ pieces: [head(shape)], ending: 'reset' }) },
  { ...TRANSPORT, name: 'closed after head', play: shape => ({ pieces: [head(shape)], ending: 'end' }) },
  {
    ...TRANSPORT,
    name: 'truncated body',
    fate: 'broken',
    isLate: true,
    play: (shape, leg, rid) => ({
      pieces: [half(shape, leg, rid), shape.isStream ? '5\r\nda' : ''],
      ending: 'end',
    }),
  },
  {
    ...TRANSPORT,
    name: 'reset mid-stream',
    fate: 'broken',
    isLate: true,
    play: (shape, leg, rid) => ({ pieces: [half(shape, leg, rid)], ending: 'reset' }),
  },
  { ...STALL, name: 'black hole', play: () => ({ pieces: [], ending: 'hang' }) },
  { ...STALL, name: 'stall after head', play: shape => ({ pieces: [head(shape)], ending: 'hang' }) },
  {
    ...STALL,
    name: 'stall mid-stream',
    fate: 'broken',
    blame: 'engine',
    isLate: true,
    play: (shape, leg, rid) => ({ pieces: [half(shape, leg, rid)], ending: 'hang' }),
  },
]

/** A stream of these events, complete as HTTP has it. */
function stream(...events: readonly string[]): Play {
  return { pieces: [STREAM_HEAD + events.map(chunk).join(''), LAST_CHUNK], ending: 'end' }
}

function whole(code: number, body: object | string): Play {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { pieces: [bodyAnswer(code, text)], ending: 'end' }
}

function refusal(code: number, message: string): object {
  return { object: 'error', message, type: String(code), param: null, code }
}

function abortReason(message: string, code: number | null): object {
  return { type: 'abort', message, status_code: code, err_type: null }
}

/** OpenAI's error inside a stream, with the blanks of Python's `json.dumps`. */
function errorEvent(message: string, code: number): string {
  const type = 'INTERNAL_SERVER_ERROR'
  const text = JSON.stringify(message)
  return `data: {"error": {"object": "error", "message": ${text}, "type": "${type}", "param": null, "code": ${code}}}\n\n`
}

/** An abort that has a status: `/generate` says so in its meta info, the others in an error event or a status. */
function abortWithStatus({ endpoint, isStream }: Shape, rid: string, message: string, code: number): Play {
  if (!isStream) return whole(code, refusal(code, message))
  if (endpoint !== 'generate') return stream(errorEvent(message, code), DONE)
  return stream(event(generated(rid, [], abortReason(message, code))), DONE)
}

/** An abort that has none: by a user, or of an engine that has lost it. */
function abortWithout(
  { endpoint, isStream }: Shape,
  rid: string,
  code: number | null,
  message: string,
): Play {
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
    says: 'scheduler died',
    blame: 'engine',
    play: ({ endpoint, isStream }) => {
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
    says: 'might be dead',
    blame: 'link',
    play: (shape, _, rid) => abortWithStatus(shape, rid, TRANSFER_MESSAGE, 500),
  },
  {
    name: 'abort with status 400',
    fate: 'refused',
    status: 400,
    cause: 'abort|error-event|status',
    says: 'Input length',
    blame: 'none',
    play: (shape, _, rid) =>
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
    says: '',
    blame: 'engine',
    play: (shape, _, rid) => abortWithout(shape, rid, null, 'Abort in waiting queue'),
  },
  {
    name: 'abort in the 200 of an old build',
    fate: 'passing',
    status: 500,
    cause: 'abort',
    says: '',
    blame: 'engine',
    play: (shape, _, rid) => abortWithout(shape, rid, 500, 'out of luck'),
  },
  {
    name: 'silent abort: a role, a finish, no word',
    fate: 'passing',
    status: 500,
    cause: 'abort',
    says: '',
    blame: 'engine',
    play: (shape, _, rid) => {
      const { endpoint, isStream } = shape
      if (!isStream || endpoint === 'generate') return abortWithout(shape, rid, null, '')
      return stream(...roleEvent(shape, rid), openAiFinish(endpoint, rid, 'abort'), DONE)
    },
  },
  {
    name: 'a redirect',
    fate: 'passing',
    status: 502,
    cause: 'status',
    says: 'redirect (307), which is not followed',
    blame: 'engine',
    play: () => whole(307, '<html>moved</html>'),
  },
  {
    name: 'garbage',
    fate: 'passing',
    status: 502,
    cause: 'protocol',
    says: 'not JSON',
    blame: 'engine',
    play: ({ isStream }) => (isStream ? stream('data: <html>\n\n') : whole(200, '<html>oops</html>')),
  },
  {
    name: 'end without [DONE]',
    fate: 'broken',
    status: 502,
    cause: 'protocol|transport',
    says: '',
    blame: 'engine',
    isLate: true,
    play: (shape, leg, rid) =>
      shape.isStream
        ? { pieces: [half(shape, leg, rid), LAST_CHUNK], ending: 'end' }
        : { pieces: [half(shape, leg, rid)], ending: 'end' },
  },
  {
    name: 'error after two tokens',
    fate: 'broken',
    status: 500,
    cause: 'error-event|abort|status',
    says: 'Out of memory',
    blame: 'engine',
    isLate: true,
    play: (shape, _, rid) => {
      if (!shape.isStream) return whole(500, refusal(500, OUT_OF_MEMORY))
      return stream(...toldEvents(shape, rid), DONE)
    },
  },
]

/** Two tokens, then the engine's own word on its failure: its `[DONE]` follows as if all were well. */
function toldEvents(shape: Shape, rid: string): string[] {
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
    says: '',
    blame: 'none',
    play: (shape, leg, rid) => {
      const payload = soundPayload(leg, shape, rid)
      const bytes = Buffer.from(
        shape.isStream ? STREAM_HEAD + chunk(payload) + LAST_CHUNK : bodyAnswer(200, payload),
      )
      return { pieces: [...bytes].map(byte => Uint8Array.of(byte)), ending: 'end' }
    },
  },
]

export const FAULTS: readonly Fault[] = [...STATUSES, ...CONNECTIONS, ...INSIDE_200, ...HARMLESS]

export function soundPlay(leg: Leg, shape: Shape, rid: string): Play {
  const payload = soundPayload(leg, shape, rid)
  return shape.isStream
    ? { pieces: [STREAM_HEAD + chunk(payload) + LAST_CHUNK], ending: 'end' }
    : { pieces: [bodyAnswer(200, payload)], ending: 'end' }
}

/** What an engine does whose partner has failed before the KV cache was handed over: it waits (300 s). */
export function waitingPlay({ endpoint, isStream }: Shape): Play {
  return { pieces: endpoint === 'generate' && isStream ? [STREAM_HEAD] : [], ending: 'hang' }
}
