/** Responses of engines that are odd but allowed, or that say nothing, as a client of the whole gateway gets them. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, suite, test } from 'node:test'
import { postTo } from '../support/read-body.ts'
import { at } from '../support/sse.ts'
import { until } from '../support/until.ts'
import { firstEvents, soundResponse } from './faults.ts'
import {
  bodyResponse,
  chunk,
  LAST_CHUNK,
  type ScriptedResponse,
  STREAM_HEAD,
  scriptedEngine,
} from './scripted-engine.ts'
import { openGateway } from './setup.ts'
import { DONE, eventsOf, type Shape, soundPayload, TOKENS } from './sound-responses.ts'

const MODEL = 'odd'
const STREAM: Shape = { endpoint: 'chat', isStream: true }
const WHOLE: Shape = { endpoint: 'chat', isStream: false }

/** What decode sends for a request, by its id. */
const scripts = new Map<string, (rid: string) => ScriptedResponse>()

const prefill = await scriptedEngine('prefill', MODEL, {
  respond: ({ cell, rid }) => soundResponse('prefill', cell.endsWith('stream') ? STREAM : WHOLE, rid),
})
const decode = await scriptedEngine('decode', MODEL, {
  respond: ({ cell, rid }) => scripts.get(cell)?.(rid) ?? { pieces: [], ending: 'reset' },
})
const { origin, gateway } = await openGateway({ after }, [{ prefill, decode }], {
  maxRetries: 1,
  hasShortTimeouts: false,
})
after(() => Promise.all([prefill.close(), decode.close()]))

let requests = 0

interface Sent {
  readonly id: string
  readonly shape: Shape
}

/** Registers what decode answers to the next request. */
function script(shape: Shape, respond: (rid: string) => ScriptedResponse): Sent {
  const id = `odd-${requests++}-${shape.isStream ? 'stream' : 'whole'}`
  scripts.set(id, respond)
  return { id, shape }
}

interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

async function send(sent: Sent): Promise<Received> {
  const { isComplete, ...received } = await sendBreakable(sent)
  assert.ok(isComplete, received.text)
  return received
}

/** `onHead` is called when the client has the head of its response. */
async function sendBreakable(
  { id, shape }: Sent,
  fields: object = {},
  onHead: () => void = () => undefined,
): Promise<Received & { readonly isComplete: boolean }> {
  const headers = { 'content-type': 'application/json', 'x-request-id': id }
  const messages = [{ role: 'user', content: 'x' }]
  const body = JSON.stringify({ model: MODEL, stream: shape.isStream, messages, ...fields })
  const response = await postTo(`${origin}/v1/chat/completions`, headers, body)
  onHead()
  return { status: response.status, headers: response.headers, ...(await response.body) }
}

function attemptsOf({ id }: Sent): number {
  return decode.calls.filter(({ cell }) => cell === id).length
}

function streamOf(text: string): ScriptedResponse {
  return { pieces: [STREAM_HEAD + chunk(text), LAST_CHUNK], ending: 'end' }
}

function whole(status: number, body: string, headers?: string): ScriptedResponse {
  return { pieces: [bodyResponse(status, body, headers)], ending: 'end' }
}

suite('A stream whose lines end otherwise', () => {
  for (const [name, ends] of [
    ['CR LF', ['\r\n', '\r\n']],
    ['CR', ['\r', '\r']],
    ['LF, then CR LF', ['\n', '\r\n']],
    ['CR LF, then LF', ['\r\n', '\n']],
    ['LF, then CR', ['\n', '\r']],
  ] as const)
    test(`reaches the client byte for byte: ${name}`, async () => {
      let expected = ''
      const sent = script(STREAM, rid => {
        expected = soundPayload('decode', STREAM, rid).replaceAll('\n\n', ends.join(''))
        return streamOf(expected)
      })
      const { status, text } = await send(sent)
      assert.deepEqual([status, text, attemptsOf(sent)], [200, expected, 1])
    })
})

suite('A response that says nothing is retried, then reported', () => {
  const cases: readonly [name: string, shape: Shape, response: ScriptedResponse, message: RegExp][] = [
    ['an empty object', WHOLE, whole(200, '{}'), /neither a token nor a finish: \{\}/],
    ['an empty list', WHOLE, whole(200, '[]'), /neither a token nor a finish: \[\]/],
    ['an unknown shape', WHOLE, whole(200, '{"status":"on fire"}'), /on fire/],
    ['a bare [DONE]', STREAM, streamOf(DONE), /neither a token nor a finish: data: \[DONE\]/],
    ['a stream in an unknown shape', STREAM, streamOf(`data: {"status":"on fire"}\n\n${DONE}`), /on fire/],
    ['an event by the name of error', STREAM, streamOf(`event: error\ndata: on fire\n\n${DONE}`), /on fire/],
    [
      'a finish by an error',
      WHOLE,
      whole(200, '{"choices":[{"index":0,"message":{"content":""},"finish_reason":"error"}]}'),
      /gave up the request/,
    ],
    [
      'a response in gzip',
      WHOLE,
      whole(200, '\u001f\u008b', 'content-type: application/json\r\ncontent-encoding: gzip'),
      /content coding gzip, although none was requested/,
    ],
  ]
  for (const [name, shape, response, message] of cases)
    test(name, async () => {
      const sent = script(shape, () => response)
      const { status, text } = await send(sent)
      assert.ok(status >= 500, `${status}`)
      assert.match(String(at(JSON.parse(text), 'error', 'message')), message)
      assert.equal(attemptsOf(sent), 2)
    })
})

function errorEvent(message: string, code: number): string {
  return `data: ${JSON.stringify({ error: { message, code } })}\n\n`
}

suite("An engine's own error", () => {
  const flat = { object: 'error', message: 'too long', type: 'BadRequestError', param: null, code: 400 }
  const nested =
    '{"error": {"message": "too long", "type": "BadRequestError", "param": "max_tokens", "code": 400}}'

  test('keeps its flat fields and stands under error, too', async () => {
    const { status, text } = await send(script(WHOLE, () => whole(400, JSON.stringify(flat))))
    assert.deepEqual([status, JSON.parse(text)], [400, { ...flat, error: flat }])
  })

  test('that is nested is passed on byte for byte', async () => {
    const { status, text } = await send(script(WHOLE, () => whole(400, nested)))
    assert.deepEqual([status, text], [400, nested])
  })

  test('as a detail of FastAPI becomes a message', async () => {
    const { status, text } = await send(script(WHOLE, () => whole(404, '{"detail":"No such adapter"}')))
    const error = {
      message: 'No such adapter',
      type: 'invalid_request_error',
      param: null,
      code: 404,
      leg: 'decode',
    }
    assert.deepEqual([status, JSON.parse(text)], [404, { error }])
  })

  test('of status 400 at the start of a stream is not retried, and keeps type and code', async () => {
    const error = { message: 'too long', type: 'invalid_request_error', code: 400, retryable: false }
    const sent = script(STREAM, () => streamOf(`data: ${JSON.stringify({ error })}\n\n${DONE}`))
    const { status, text } = await send(sent)
    assert.deepEqual([status, JSON.parse(text), attemptsOf(sent)], [400, { error }, 1])
  })

  const input =
    "{'model': 'odd', 'bootstrap_host': '10.0.0.1', 'bootstrap_port': 8998, 'bootstrap_room': 739173917391}"
  const source = '/opt/venv/lib/python3.11/site-packages/sglang/srt/entrypoints/http_server.py'
  for (const [status, message, shown] of [
    [
      400,
      `1 validation error:\n  {'msg': 'Field required', 'input': ${input}}\n\n  File "${source}", line 2143, in openai_v1_chat_completions\n    POST /v1/chat/completions`,
      /^1 validation error:\n {2}\{'msg': 'Field required', 'input': \{'model': 'odd', /,
    ],
    [
      500,
      "Decode transfer failed for request rank=0 decode_req.req.rid='0123456789abcdef0123456789abcdef' decode_req.req.bootstrap_room=739173917391 with exception KVTransferError(bootstrap_room=739173917391): Could not fetch prefill parallel info from 10.0.0.1:8998",
      /^Decode transfer failed for request rank=0 .*Could not fetch prefill parallel info from …$/,
    ],
    [
      500,
      `Traceback (most recent call last):\n  File "${source}", line 9, in generate\n    raise RuntimeError\nRuntimeError: cannot read ${source}`,
      /^RuntimeError: cannot read …$/,
    ],
  ] as const)
    for (const [how, shape, response] of [
      ['as a status', WHOLE, whole(status, JSON.stringify({ object: 'error', message, code: status }))],
      ['as plain text', WHOLE, whole(status, message, 'content-type: text/plain')],
      ['at the start of a stream', STREAM, streamOf(errorEvent(message, status) + DONE)],
      ['within a stream', STREAM, { first: true }],
    ] as const)
      test(`does not show clients rooms, addresses and paths: ${message.slice(0, 20)} ${how}`, async () => {
        const sent = script(shape, rid =>
          'first' in response
            ? streamOf(firstEvents(STREAM, rid).join('') + errorEvent(message, status) + DONE)
            : response,
        )
        const { text } = await send(sent)
        const last = text.split('\n').findLast(line => line.includes('"message"')) ?? ''
        assert.match(String(at(JSON.parse(last.replace('data: ', '')), 'error', 'message')), shown)
        for (const hidden of ['739173917391', '10.0.0.1', '8998', 'site-packages', 'line 2143'])
          assert.ok(!text.includes(hidden), text)
      })

  const token = 'data: {"choices":[{"index":0,"delta":{"content":"b"}}]}\n\n'
  for (const [what, before, fields] of [
    ['after another event', token, 'event: error\ndata: lost 10.1.2.3:8998\n\n'],
    ['after its id', '', 'id: 1\nevent: error\ndata: lost 10.1.2.3:8998\n\n'],
    ['after a comment, with CR LF', token, ': x\r\nevent:error\r\ndata: lost 10.1.2.3:8998\r\n\r\n'],
  ] as const)
    test(`by the name of its event ${what} is passed on without addresses, and nothing follows`, async () => {
      const head = Promise.withResolvers<void>()
      let first = ''
      const sent = script(STREAM, rid => {
        first = firstEvents(STREAM, rid).join('')
        return {
          pieces: [STREAM_HEAD + chunk(first), head.promise, chunk(before + fields), LAST_CHUNK],
          ending: 'end',
        }
      })
      const { text, isComplete } = await sendBreakable(sent, {}, head.resolve)
      assert.deepEqual([text.trimEnd(), isComplete], [`${first}${before}event: error\ndata: lost …`, false])
    })

  test('that is empty next to a token is none', async () => {
    for (const error of ['""', 'null', '{}']) {
      const body = `{"error":${error},"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}`
      const { status, text } = await send(script(WHOLE, () => whole(200, body)))
      assert.deepEqual([status, text], [200, body])
    }
  })
})

test('headers for the hop from the engine are not passed on, and others are, byte for byte', async () => {
  const headers = [
    'content-type: application/json',
    'connection: X-Hop, x-other',
    'x-hop: 1',
    'x-other: 2',
    'x-kept: Grüße',
  ].join('\r\n')
  const sent = script(WHOLE, rid => whole(200, soundPayload('decode', WHOLE, rid), headers))
  const { status, headers: seen } = await send(sent)
  assert.equal(status, 200)
  assert.deepEqual([seen['x-hop'], seen['x-other']], [undefined, undefined])
  assert.equal(Buffer.from(String(seen['x-kept']), 'latin1').toString(), 'Grüße')
})

test('a client that closes at [DONE] has its response: counted as ok, without aborts', async () => {
  const okBefore = await countOf('ok')
  const sent = script(STREAM, rid => ({
    pieces: [STREAM_HEAD + chunk(soundPayload('decode', STREAM, rid))],
    ending: 'hang',
  }))
  await readTo(sent, DONE)
  await until(() => decode.calls.find(({ cell }) => cell === sent.id)?.closedAtMs !== undefined)
  assert.deepEqual([(await countOf('ok')) - okBefore, await countOf('aborted')], [1, 0])
  assert.equal(decode.aborts.has(decode.calls.find(({ cell }) => cell === sent.id)?.rid ?? ''), false)
})

for (const [what, rest, ending] of [
  ['a reset', '', 'reset'],
  ['more events', chunk('data: {"error":{"message":"late","code":500}}\n\n'), 'end'],
  ['bytes that are no chunk', 'garbage', 'end'],
] as const)
  test(`what an engine does after [DONE] is no failure: ${what}`, async () => {
    const brokenBefore = await countOf('broken')
    let expected = ''
    const sent = script(STREAM, rid => {
      expected = [...eventsOf('chat', rid, TOKENS), DONE].join('')
      return { pieces: [STREAM_HEAD + chunk(expected), rest], ending }
    })
    const { status, text } = await send(sent)
    assert.deepEqual([status, text, attemptsOf(sent)], [200, expected, 1])
    assert.equal(await countOf('broken'), brokenBefore)
  })

test('merged samples break off without [DONE] when the stream of one of them breaks', async () => {
  let calls = 0
  const sent = script(STREAM, rid => ({
    pieces: [STREAM_HEAD + chunk(firstEvents(STREAM, rid).join(''))],
    ending: calls++ === 0 ? 'end' : 'hang',
  }))
  const { text, isComplete } = await sendBreakable(sent, { n: 2 })
  assert.equal(isComplete, false)
  assert.match(
    text,
    /\n\ndata: \{"error":\{.*"code":502,"reason":"engine-unreachable","leg":"decode"\}\}\n\n$/,
  )
  assert.ok(!text.includes(DONE))
})

/** Sends a streamed request and closes the connection once the text has been received. */
function readTo({ id }: Sent, end: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-request-id': id }
    const sent = request(`${origin}/v1/chat/completions`, { method: 'POST', headers })
    sent.on('error', reject)
    sent.on('response', response => {
      let text = ''
      response.on('error', () => undefined)
      response.on('close', () => resolve())
      response.setEncoding('utf8').on('data', piece => {
        text += String(piece)
        if (text.endsWith(end)) sent.destroy()
      })
    })
    sent.end(JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'x' }] }))
  })
}

async function countOf(outcome: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)
  const line = (await response.text())
    .split('\n')
    .find(text => text.startsWith(`pdgw_router_requests_total{endpoint="chat",outcome="${outcome}"}`))
  return Number(line?.split(' ').at(-1) ?? 0)
}
