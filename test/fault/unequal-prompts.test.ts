/**
 * Streams of a pair whose engines have not read the same prompt, in the APIs that count it at their end: the client never
 * gets a clean end.
 */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { postTo } from '../support/read-body.ts'
import { until } from '../support/until.ts'
import { chunk, LAST_CHUNK, type ScriptedResponse, STREAM_HEAD, scriptedEngine } from './scripted-engine.ts'
import { openGateway } from './setup.ts'
import { chatEvent, completionEvent, DONE, event } from './sound-responses.ts'

const MODEL = 'unequal'
/** The length of the prompt, as prefill has read it. */
const TOKENS = 7

interface Api {
  readonly path: string
  readonly fields: object
  /** The events up to the first token, and those after it. */
  readonly token: string
  readonly end: (promptTokens: number) => string
}

function named(type: string, fields: object): string {
  return `event: ${type}\n${event({ type, ...fields })}`
}

const INCLUDES_USAGE = { stream_options: { include_usage: true } }

function usageEvent(promptTokens: number): string {
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens + 1, completion_tokens: 1 }
  return event({ id: 'x', choices: [], usage })
}

const APIS: readonly Api[] = [
  {
    path: '/v1/chat/completions',
    fields: { messages: [{ role: 'user', content: 'x' }], ...INCLUDES_USAGE },
    token: chatEvent('x', { role: 'assistant', content: '' }) + chatEvent('x', { content: 'a' }),
    end: count => chatEvent('x', {}, 'stop') + usageEvent(count) + DONE,
  },
  {
    path: '/v1/completions',
    fields: { prompt: 'x', ...INCLUDES_USAGE },
    token: completionEvent('x', 'a', null),
    end: count => completionEvent('x', '', 'stop') + usageEvent(count) + DONE,
  },
  {
    path: '/v1/responses',
    fields: {},
    token: named('response.output_text.delta', { delta: 'a' }),
    end: count => {
      const usage = { input_tokens: count, output_tokens: 1, total_tokens: count + 1 }
      const response = { id: 'x', object: 'response', status: 'completed', output: [{}], error: null, usage }
      return named('response.completed', { response })
    },
  },
  {
    path: '/v1/messages',
    fields: {},
    // An engine that does not know the length of the prompt yet.
    token:
      named('message_start', { message: { content: [], usage: { input_tokens: 0, output_tokens: 0 } } }) +
      named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'a' } }),
    end: count =>
      named('message_delta', {
        delta: { stop_reason: 'end_turn' },
        usage: { input_tokens: count, output_tokens: 1 },
      }) + named('message_stop', {}),
  },
]

/** What each engine sends for a request, by its id. */
const scripts = new Map<string, { readonly prefill: ScriptedResponse; readonly decode: ScriptedResponse }>()
const NOTHING: ScriptedResponse = { pieces: [], ending: 'reset' }

const prefill = await scriptedEngine('prefill', MODEL, {
  respond: ({ cell }) => scripts.get(cell)?.prefill ?? NOTHING,
})
const decode = await scriptedEngine('decode', MODEL, {
  respond: ({ cell }) => scripts.get(cell)?.decode ?? NOTHING,
})
const gateway = await openGateway({ after }, [{ prefill, decode }], {
  maxRetries: 1,
  hasShortTimeouts: false,
})
after(() => Promise.all([prefill.close(), decode.close()]))

function streamOf(...pieces: readonly (string | Promise<void>)[]): ScriptedResponse {
  const sent = pieces.map(piece => (typeof piece === 'string' ? chunk(piece) : piece))
  return { pieces: [STREAM_HEAD, ...sent, LAST_CHUNK], ending: 'end' }
}

interface Received {
  readonly id: string
  readonly status: number
  readonly text: string
  readonly isComplete: boolean
}

let requests = 0

/** Sends a request whose decode engine counts `promptTokens`, after the client has the head unless it comes `atOnce`. */
async function send(api: Api, promptTokens: number, atOnce = false): Promise<Received> {
  const { path, fields, token, end } = api
  const id = `unequal-${requests++}`
  const head = Promise.withResolvers<void>()
  scripts.set(id, {
    prefill: streamOf(token + end(TOKENS)),
    decode: atOnce ? streamOf(token + end(promptTokens)) : streamOf(token, head.promise, end(promptTokens)),
  })
  const headers = { 'content-type': 'application/json', 'x-request-id': id }
  const body = JSON.stringify({ model: MODEL, stream: true, ...fields })
  const response = await postTo(gateway.origin + path, headers, body)
  head.resolve()
  return { id, status: response.status, ...(await response.body) }
}

for (const api of APIS)
  suite(`A stream of ${api.path}`, () => {
    const { token, end } = api

    test('that counts the same prompt reaches the client byte for byte', async () => {
      for (const atOnce of [false, true]) {
        const { text, isComplete } = await send(api, TOKENS, atOnce)
        assert.deepEqual([text, isComplete], [token + end(TOKENS), true])
      }
    })

    test('that counts another prompt ends with an error, which is charged to prefill', async () => {
      const { id, text, isComplete } = await send(api, TOKENS + 1)
      assert.ok(text.startsWith(token), text)
      assert.equal(isComplete, false)
      assert.doesNotMatch(text, /\[DONE\]|response\.completed|message_stop/)
      assert.match(text, /The engines disagree on the prompt \(prefill: 7 tokens, decode: 8\)/)
      assert.equal(decode.calls.filter(({ cell }) => cell === id).length, 1)
      const isLogged = (line: string): boolean =>
        [`request=${id} `, ': stream broken', ' cause=token-mismatch ', ' leg=prefill '].every(part =>
          line.includes(part),
        )
      await until(() => gateway.log().some(isLogged))
    })

    test('that arrives in one read and counts another prompt is repeated', async () => {
      const { id, status, text } = await send(api, TOKENS + 1, true)
      assert.equal(status, 502, text)
      assert.match(text, /The engines disagree on the prompt/)
      assert.equal(decode.calls.filter(({ cell }) => cell === id).length, 2)
    })
  })
