import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { type DecodeEvents, DecodeLeg } from '../../../../workers/attempt/decode-leg.ts'

const ROLE = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
const TOKEN = 'data: {"choices":[{"delta":{"content":"é"}}]}\n\n'
const STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
const ABORT = 'data: {"choices":[{"delta":{},"finish_reason":"abort"}]}\n\n'
const DONE = 'data: [DONE]\n\n'
const STREAM = ['content-type', 'text/event-stream; charset=utf-8']
const JSON_BODY = ['content-type', 'application/json']
const RESET = { kind: 'reset', message: 'socket hang up', isStaleSocket: false } as const

interface Heard {
  readonly leg: DecodeLeg
  /** What the leg told, without the bytes. */
  readonly told: string[]
  /** What the client would have by now. */
  client(): string
}

/** A leg whose stream is committed as soon as it is ready, as an attempt does it. */
function listen(held = 1 << 20, event = 1 << 20): Heard {
  const told: string[] = []
  const passed: Buffer[] = []
  const events: DecodeEvents = {
    onDecodeReady: () => {
      told.push('ready')
      leg.commit()
      passed.push(Buffer.from(leg.body.joined()))
    },
    onDecodeComplete: ({ hasToken }, isTerminated) =>
      told.push(`complete${hasToken ? '' : ', no token'}${isTerminated ? '' : ', cut'}`),
    onDecodeError: ({ cause, error }) => told.push(`failed: ${cause} ${error.status}`),
    onDecodePromptError: ({ cause }) => told.push(`prompt: ${cause}`),
    onDecodeErrorHead: () => told.push('refused'),
    onDecodeBody: () => undefined,
    onDecodeData: bytes => passed.push(Buffer.from(bytes)),
  }
  const leg = new DecodeLeg({ held, event }, events)
  return { leg, told, client: () => Buffer.concat(passed).toString() }
}

function streamed(text: string, cuts: readonly number[] = []): Heard {
  const heard = listen()
  const bytes = Buffer.from(text)
  heard.leg.onHead(200, STREAM)
  let from = 0
  for (const cut of [...cuts.map(each => each % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    if (cut > from) heard.leg.onData(bytes.subarray(from, cut))
    from = cut
  }
  heard.leg.onEnd()
  return heard
}

suite('DecodeLeg with a stream', () => {
  const cases: readonly [what: string, text: string, told: readonly string[], client: string][] = [
    [
      'commits at the first token and ends with [DONE]',
      ROLE + TOKEN + STOP + DONE,
      ['ready', 'complete'],
      ROLE + TOKEN + STOP + DONE,
    ],
    ['commits at a finish without a token', ROLE + STOP + DONE, ['ready', 'complete'], ROLE + STOP + DONE],
    [
      'passes a [DONE] without its blank line on',
      TOKEN + DONE.trimEnd(),
      ['ready', 'complete'],
      TOKEN + DONE.trimEnd(),
    ],
    ['tells a stream that was cut after an event', ROLE + TOKEN, ['ready', 'complete, cut'], ROLE + TOKEN],
    ['holds back the half of an event that was cut', `${TOKEN}data: {"ch`, ['ready', 'complete, cut'], TOKEN],
    ['passes nothing of an abort after a role on', ROLE + ABORT + DONE, ['failed: abort 500'], ''],
    ['tells an end without any token', ROLE + DONE, ['complete, no token'], ''],
    ['tells a clean end of nothing', '', ['complete, no token, cut'], ''],
    ['fails for what is not JSON', 'data: <html>\n\n', ['failed: protocol 502'], ''],
  ]
  for (const [what, text, told, client] of cases) {
    test(what, () => {
      const heard = streamed(text)
      assert.deepEqual([heard.told, heard.client()], [told, client])
    })
  }

  test('tells and passes the same on for every split', () => {
    const texts = cases.map(([, text]) => text)
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
        const [whole, split] = [streamed(text), streamed(text, cuts)]
        assert.deepEqual([split.told, split.client()], [whole.told, whole.client()])
      }),
      { seed: 21, numRuns: 1000 },
    )
  })

  const OOM = 'data: {"error": {"object": "error", "message": "Out of memory", "code": 500}}\n\n'
  const GENERATED = 'data: {"text":"a","meta_info":{"finish_reason":null}}\n\n'
  const LOST = 'data: {"text":"a","meta_info":{"finish_reason":{"type":"abort","status_code":503}}}\n\n'
  for (const [what, before, event, told] of [
    ['an error event', TOKEN, OOM, 'failed: error-event 500'],
    ['an abort as the finish', TOKEN, ABORT, 'failed: abort 500'],
    ['an abort of /generate', GENERATED, LOST, 'failed: abort 503'],
  ] as const) {
    test(`breaks at ${what} after tokens, and passes on what came before it in the same read`, () => {
      const heard = listen()
      heard.leg.onHead(200, STREAM)
      heard.leg.onData(Buffer.from(before))
      heard.leg.onData(Buffer.from(before + event + DONE))
      heard.leg.onEnd()
      assert.deepEqual([heard.told, heard.client()], [['ready', told], before + before])
    })

    test(`passes nothing on when ${what} comes in one read with the first token`, () => {
      const heard = listen()
      heard.leg.onHead(200, STREAM)
      heard.leg.onData(Buffer.from(before + event + DONE))
      assert.deepEqual([heard.told, heard.client()], [[told], ''])
    })

    test(`passes ${what} on when the client has asked for it`, () => {
      const heard = listen()
      heard.leg.onHead(200, STREAM)
      heard.leg.onData(Buffer.from(before))
      heard.leg.isAbortRequested = true
      heard.leg.onData(Buffer.from(event + DONE))
      heard.leg.onEnd()
      assert.deepEqual([heard.told, heard.client()], [['ready', 'complete'], before + event + DONE])
    })
  }

  test('takes tokens that are the words of a failure for what they are', () => {
    const words = ['error', 'abort', '"error"', '{"error":{"code":500}}', 'finish_reason":"abort"']
    const tokens = words.map(content => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
    const heard = streamed([TOKEN, ...tokens, 'data: "error" is no JSON of ours\n\n', STOP, DONE].join(''))
    assert.deepEqual(heard.told, ['ready', 'complete'])
  })

  test('fails once when its connection breaks', () => {
    const heard = listen()
    heard.leg.onHead(200, STREAM)
    heard.leg.onData(Buffer.from(ROLE))
    heard.leg.onError(RESET)
    heard.leg.onData(Buffer.from(TOKEN))
    heard.leg.onEnd()
    assert.deepEqual([heard.told, heard.client()], [['failed: transport 502'], ''])
  })

  test('fails when it sends more than the limit before a token', () => {
    const heard = listen(3 * ROLE.length - 1)
    heard.leg.onHead(200, STREAM)
    for (let turn = 0; turn < 5; turn++) heard.leg.onData(Buffer.from(ROLE))
    assert.deepEqual(heard.told, ['failed: protocol 502'])
  })

  test('fails when an event without an end grows beyond the limit before a token', () => {
    const heard = listen(100)
    heard.leg.onHead(200, STREAM)
    heard.leg.onData(Buffer.from(ROLE.slice(0, 60)))
    assert.deepEqual(heard.told, [])
    heard.leg.onData(Buffer.alloc(41, 'x'))
    assert.deepEqual(heard.told, ['failed: protocol 502'])
  })

  test('counts whole events and the start of the next together before a token', () => {
    const heard = listen(ROLE.length + 9)
    heard.leg.onHead(200, STREAM)
    heard.leg.onData(Buffer.from(`${ROLE}data: {12`))
    assert.deepEqual(heard.told, [])
    heard.leg.onData(Buffer.from('3'))
    assert.deepEqual(heard.told, ['failed: protocol 502'])
  })

  test('fails when an event without an end grows beyond its limit after a token, and passes no part of it on', () => {
    const heard = listen(1 << 20, 100)
    heard.leg.onHead(200, STREAM)
    heard.leg.onData(Buffer.from(TOKEN + TOKEN.slice(0, 40)))
    heard.leg.onData(Buffer.alloc(59, 'x'))
    assert.deepEqual(heard.told, ['ready'])
    heard.leg.onData(Buffer.from('y'))
    assert.deepEqual([heard.told, heard.client()], [['ready', 'failed: protocol 502'], TOKEN])
  })

  test('takes events up to the limit one after the other', () => {
    const heard = listen(1 << 20, Buffer.byteLength(TOKEN))
    heard.leg.onHead(200, STREAM)
    const text = Buffer.from(TOKEN.repeat(9))
    for (let at = 0; at < text.length; at += 7) heard.leg.onData(text.subarray(at, at + 7))
    assert.deepEqual([heard.told, heard.client()], [['ready'], TOKEN.repeat(9)])
  })

  test('holds no more once it is committed, whatever follows', () => {
    const heard = listen(Buffer.byteLength(TOKEN))
    heard.leg.onHead(200, STREAM)
    for (let turn = 0; turn < 9; turn++) heard.leg.onData(Buffer.from(TOKEN))
    assert.deepEqual([heard.told, heard.client()], [['ready'], TOKEN.repeat(9)])
  })
})

suite('DecodeLeg with a body', () => {
  const good = '{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}'

  test('tells a good answer when it is whole', () => {
    const { leg, told } = listen()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from(good.slice(0, 20)))
    leg.onData(Buffer.from(good.slice(20)))
    assert.deepEqual(told, [])
    leg.onEnd()
    assert.deepEqual(told, ['complete'])
    assert.equal(Buffer.from(leg.body.joined()).toString(), good)
  })

  test('fails for an abort inside a 200', () => {
    const { leg, told } = listen()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from('{"meta_info":{"finish_reason":{"type":"abort","status_code":503}}}'))
    leg.onEnd()
    assert.deepEqual(told, ['failed: abort 503'])
  })

  test('says that it was refused at the head, and why at the end', () => {
    const { leg, told } = listen()
    leg.onHead(503, JSON_BODY)
    assert.deepEqual(told, ['refused'])
    leg.onData(Buffer.from('{"error":{"message":"why"}}'))
    assert.equal(leg.errorResponse().error.message, 'why')
    leg.onEnd()
    assert.deepEqual(told, ['refused', 'failed: status 503'])
  })

  test('keeps the status of a refusal whose connection breaks', () => {
    const { leg, told } = listen()
    leg.onHead(413, JSON_BODY)
    leg.onError(RESET)
    assert.deepEqual(told, ['refused', 'failed: status 413'])
  })

  test('takes an empty 204 for no answer', () => {
    const { leg, told } = listen()
    leg.onHead(204, [])
    leg.onEnd()
    assert.deepEqual(told, ['failed: protocol 502'])
  })

  for (const headers of [[], JSON_BODY, STREAM])
    test(`takes a redirect for a refusal, of type ${headers[1] ?? 'none'}`, () => {
      const { leg, told } = listen()
      leg.onHead(307, headers)
      leg.onData(Buffer.from(TOKEN))
      leg.onEnd()
      assert.deepEqual(told, ['refused', 'failed: status 502'])
    })
})

suite('DecodeLeg that only waits to be aborted', () => {
  for (const sign of ['data', 'end', 'failure'] as const)
    test(`shows its first sign: ${sign}, and nothing else`, () => {
      const { leg, told } = listen()
      let signs = 0
      leg.onHead(200, STREAM)
      leg.onFirstItem = () => {
        signs++
        leg.isOpen = false
      }
      if (sign === 'data') leg.onData(Buffer.from(TOKEN))
      if (sign === 'end') leg.onEnd()
      if (sign === 'failure') leg.onError(RESET)
      leg.onData(Buffer.from(TOKEN))
      leg.onEnd()
      assert.deepEqual([signs, told], [1, []])
    })
})
