/**
 * Failures of engines in the APIs whose events have names, as a client of the whole gateway gets them. The bytes are those
 * of SGLang 0.5.23, shortened.
 */
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { postTo, type ReadBody } from '../support/read-body.ts'
import { at } from '../support/sse.ts'
import {
  bodyResponse,
  chunk,
  LAST_CHUNK,
  type ScriptedResponse,
  STREAM_HEAD,
  scriptedEngine,
} from './scripted-engine.ts'
import { openGateway } from './setup.ts'

const MODEL = 'named'

function event(type: string, fields: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

function responseEvent(status: string, fields: object = {}): string {
  const response = {
    id: 'resp_1',
    object: 'response',
    status,
    output: [],
    error: null,
    usage: null,
    ...fields,
  }
  return event(`response.${status}`, { response })
}

/** What an engine sends in one API. */
interface Api {
  readonly path: string
  readonly whole: string
  /** The events before the first token, a token, and those that follow the last one. */
  readonly opening: string
  readonly token: string
  readonly end: string
  /** A failure of the engine in a stream, with the end that follows it. */
  failure(message: string): string
  /** Responses of which each is a failure that may be repeated. */
  readonly failures: readonly (readonly [name: string, response: ScriptedResponse])[]
}

function whole(status: number, body: object): ScriptedResponse {
  return { pieces: [bodyResponse(status, JSON.stringify(body))], ending: 'end' }
}

function streamOf(...pieces: string[]): ScriptedResponse {
  return { pieces: [STREAM_HEAD, ...pieces.map(chunk), LAST_CHUNK], ending: 'end' }
}

/** A stream that fails after the client has its head. A failure that is read with the first token is retried instead. */
function streamFailingLate(sent: string, failure: string, head: Promise<void>): ScriptedResponse {
  return { pieces: [STREAM_HEAD + chunk(sent), head, chunk(failure), LAST_CHUNK], ending: 'end' }
}

const TRANSFER =
  'Decode handshake failed for request rank=0 with exception KVTransferError: Aborted by AbortReq.'
const USAGE = { input_tokens: 6, output_tokens: 1, total_tokens: 7 }
const ITEM = { type: 'message', content: [{ type: 'output_text', text: 'his' }] }
const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  status: 'completed',
  output: [ITEM],
  error: null,
  usage: USAGE,
}
const MESSAGE = {
  type: 'message',
  content: [{ type: 'text', text: 'his' }],
  stop_reason: 'end_turn',
  usage: USAGE,
}
const STARTED = { type: 'message', content: [], usage: { input_tokens: 6, output_tokens: 0 } }

const RESPONSES: Api = {
  path: '/v1/responses',
  whole: JSON.stringify(RESPONSE),
  opening: `${responseEvent('created')}${responseEvent('in_progress')}`,
  token: event('response.output_text.delta', { delta: 'his', item_id: 'msg_1' }),
  end: responseEvent('completed', { output: [ITEM], usage: USAGE }),
  failure: message => responseEvent('failed', { error: { code: 'server_error', message } }),
  failures: [
    ['a status of 400 that is one of 500', whole(400, { error: { message: `500: ${TRANSFER}`, code: 400 } })],
    [
      'a failed response of status 200',
      whole(200, { ...RESPONSE, status: 'failed', error: { message: TRANSFER } }),
    ],
    ['an object of another API', whole(200, { object: 'chat.completion', choices: [] })],
    ['a prompt that prefill has not read', whole(200, { ...RESPONSE, usage: { ...USAGE, input_tokens: 7 } })],
  ],
}

const MESSAGES: Api = {
  path: '/v1/messages',
  whole: JSON.stringify(MESSAGE),
  opening: event('message_start', { message: STARTED }),
  token: event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'his' } }),
  end: `${event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } })}${event('message_stop')}`,
  failure: message => `${event('error', { error: { type: 'api_error', message } })}${event('message_stop')}`,
  failures: [
    [
      'a hidden reason',
      whole(500, { type: 'error', error: { type: 'api_error', message: 'Internal server error' } }),
    ],
    ['a message that did not stop', whole(200, { type: 'message', content: [], usage: USAGE })],
    ['a prompt that prefill has not read', whole(200, { ...MESSAGE, usage: { ...USAGE, input_tokens: 7 } })],
    ['an object of another API', whole(200, { object: 'chat.completion', choices: [] })],
  ],
}

/** What decode sends for a request, by its id. */
const scripts = new Map<string, ScriptedResponse>()
const apiOf = (cell: string): Api => (cell.startsWith('responses') ? RESPONSES : MESSAGES)

const prefill = await scriptedEngine('prefill', MODEL, {
  respond: ({ cell }) => {
    const { opening, token, end, whole: body } = apiOf(cell)
    return cell.endsWith('stream')
      ? streamOf(opening, token, end)
      : { pieces: [bodyResponse(200, body)], ending: 'end' }
  },
})
const decode = await scriptedEngine('decode', MODEL, {
  respond: ({ cell }) => scripts.get(cell) ?? { pieces: [], ending: 'reset' },
})
const { origin, gateway } = await openGateway({ after }, [{ prefill, decode }], {
  maxRetries: 1,
  hasShortTimeouts: false,
})
after(() => Promise.all([prefill.close(), decode.close()]))

interface Received extends ReadBody {
  readonly status: number
  readonly attempts: number
}

let requests = 0

/** `onHead` is called when the client has the head of its response. */
async function send(
  { path }: Api,
  isStream: boolean,
  response: ScriptedResponse,
  onHead: () => void = () => undefined,
): Promise<Received> {
  const cell = `${path.slice('/v1/'.length)}-${requests++}-${isStream ? 'stream' : 'whole'}`
  scripts.set(cell, response)
  const headers = { 'content-type': 'application/json', 'x-request-id': cell }
  const { status, body } = await postTo(
    origin + path,
    headers,
    JSON.stringify({ model: MODEL, stream: isStream }),
  )
  onHead()
  return { status, ...(await body), attempts: decode.calls.filter(call => call.cell === cell).length }
}

/** Sends a request whose stream fails once its client has the head. */
function sendToFailLate(api: Api, failure: string): Promise<Received> {
  const head = Promise.withResolvers<void>()
  const response = streamFailingLate(api.opening + api.token, failure, head.promise)
  return send(api, true, response, head.resolve)
}

/** The message of an error that is a whole response. */
function messageIn(text: string): string {
  return String(at(JSON.parse(text), 'error', 'message'))
}

async function countOf(endpoint: string, outcome: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)
  const label = `pdgw_router_requests_total{endpoint="${endpoint}",outcome="${outcome}"}`
  const line = (await response.text()).split('\n').find(text => text.startsWith(label))
  return Number(line?.split(' ').at(-1) ?? 0)
}

for (const api of [RESPONSES, MESSAGES])
  suite(`A client of ${api.path}`, () => {
    const endpoint = api.path.slice('/v1/'.length)

    test('gets a stream byte for byte, and nothing else', async () => {
      const { status, text, isComplete } = await send(api, true, streamOf(api.opening, api.token, api.end))
      assert.deepEqual([status, text, isComplete], [200, api.opening + api.token + api.end, true])
    })

    test('gets a stream whose last event lacks its blank line', async () => {
      const last = api.end.trimEnd()
      const { text, isComplete, attempts } = await send(api, true, streamOf(api.opening, api.token, last))
      assert.deepEqual([text, isComplete, attempts], [api.opening + api.token + last, true, 1])
    })

    test('gets nothing of what follows the end, which is no failure', async () => {
      const before = await countOf(endpoint, 'broken')
      const late = api.end + api.failure('late')
      const { text, isComplete } = await send(api, true, streamOf(api.opening + api.token, late))
      assert.deepEqual([text, isComplete], [api.opening + api.token + api.end, true])
      assert.equal(await countOf(endpoint, 'broken'), before)
    })

    test('gets a whole response byte for byte', async () => {
      const response: ScriptedResponse = { pieces: [bodyResponse(200, api.whole)], ending: 'end' }
      assert.equal((await send(api, false, response)).text, api.whole)
    })

    test('gets a failure before the first token only when it was repeated in vain', async () => {
      const { status, text, attempts } = await send(api, true, streamOf(api.opening, api.failure(TRANSFER)))
      assert.deepEqual([status, attempts], [500, 2])
      assert.equal(messageIn(text), TRANSFER)
    })

    for (const [name, response] of api.failures)
      test(`gets an error for ${name} only when it was repeated in vain`, async () => {
        const { status, text, attempts } = await send(api, false, response)
        assert.equal(attempts, 2)
        assert.ok(status >= 500, text)
        assert.notEqual(messageIn(text), '')
      })

    test('gets a failure that the engine reports after a token as the engine wrote it', async () => {
      const before = await countOf(endpoint, 'broken')
      const expected = api.opening + api.token + api.failure(TRANSFER)
      const { status, text, attempts } = await sendToFailLate(api, api.failure(TRANSFER))
      assert.deepEqual([status, text, attempts], [200, expected, 1])
      assert.equal(await countOf(endpoint, 'broken'), before + 1)
    })

    test('gets no room and no address in a failure that the engine reports after a token', async () => {
      const failure = api.failure('KVTransferError(bootstrap_room=73917391): lost 10.1.2.3:8998')
      const { text } = await sendToFailLate(api, failure)
      const shown = failure.replace('73917391', '…').replace('10.1.2.3:8998', '…')
      assert.equal(text, api.opening + api.token + shown)
    })

    for (const [name, ending, pieces] of [
      ['resets', 'reset', []],
      ['ends its body without the last event', 'end', [LAST_CHUNK]],
    ] as const)
      test(`gets an error event, no end and no last chunk if the engine ${name}`, async () => {
        const sent = api.opening + api.token
        const { text, isComplete } = await send(api, true, {
          pieces: [STREAM_HEAD, chunk(sent), ...pieces],
          ending,
        })
        assert.equal(isComplete, false)
        assert.ok(text.startsWith(sent))
        const [named, data = '', ...rest] = text.slice(sent.length).trimEnd().split('\n')
        assert.deepEqual([named, rest], ['event: error', []])
        const error: unknown = JSON.parse(data.slice('data: '.length))
        assert.equal(at(error, 'type'), 'error')
        assert.match(String(at(error, 'error', 'message')), /decode engine/)
      })

    test('gets 404 if an engine does not serve the path, without a retry', async () => {
      const { status, text, attempts } = await send(api, false, whole(404, { detail: 'Not Found' }))
      assert.deepEqual([status, attempts], [404, 1])
      assert.match(messageIn(text), /does not serve this API/)
      assert.equal(at(JSON.parse(text), 'error', 'code'), 'endpoint-not-served')
    })

    test('gets a refusal in the words of the engine, without a retry', async () => {
      const body =
        api === MESSAGES
          ? { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: Field required' } }
          : { error: { message: 'max_tokens: Field required', type: 'Bad Request', param: null, code: 400 } }
      const { status, text, attempts } = await send(api, true, whole(400, body))
      assert.deepEqual([status, JSON.parse(text), attempts], [400, body, 1])
    })
  })
