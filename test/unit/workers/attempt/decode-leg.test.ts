import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  type DecodeEvents,
  DecodeLeg,
  type DecodeLegOptions,
} from '../../../../workers/attempt/decode-leg.ts'
import { DONE_DIALECT } from '../../../../workers/dialects/done-dialect.ts'
import { SMALL_BODIES } from '../../../support/small-bodies.ts'

const ROLE = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
const TOKEN = 'data: {"choices":[{"delta":{"content":"é"}}]}\n\n'
const STOP = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
const ABORT = 'data: {"choices":[{"delta":{},"finish_reason":"abort"}]}\n\n'
const DONE = 'data: [DONE]\n\n'
const STREAM = ['content-type', 'text/event-stream; charset=utf-8']
const JSON_BODY = ['content-type', 'application/json']
const RESET = { kind: 'reset', message: 'socket hang up', isStaleSocket: false } as const

interface LegRun {
  readonly leg: DecodeLeg
  /** Calls of the leg to its attempt, without the bytes. */
  readonly calls: string[]
  /** What the client would have received so far. */
  client(): string
  /** Whether the events that were forwarded last are the end of a good response. */
  endsWell: boolean
}

type UsageOptions = Pick<DecodeLegOptions, 'isPair' | 'awaitsUsage'>

/** A leg whose stream is committed as soon as it is ready, as an attempt does. */
function openLeg(preamble = 1 << 20, event = 1 << 20, options: UsageOptions = {}): LegRun {
  const calls: string[] = []
  const forwarded: Buffer[] = []
  const events: DecodeEvents = {
    onDecodeReady: ({ promptTokens }) => {
      calls.push(`ready${ofPrompt(promptTokens)}`)
      leg.commit()
      forwarded.push(Buffer.from(leg.body.joined()))
    },
    onDecodeUsage: (promptTokens, cached) =>
      calls.push(
        cached ? `cached: ${cached.cachedTokens} of ${promptTokens}` : `counted${ofPrompt(promptTokens)}`,
      ),
    onDecodeComplete: ({ hasToken, promptTokens }, isTerminated) =>
      calls.push(
        `complete${hasToken ? '' : ', no token'}${isTerminated ? '' : ', cut'}${ofPrompt(promptTokens)}`,
      ),
    onDecodeError: ({ cause, error }) => calls.push(`failed: ${cause} ${error.status}`),
    onDecodePromptError: ({ cause }) => calls.push(`prompt: ${cause}`),
    onDecodeReportedError: ({ cause, error }) => calls.push(`reported: ${cause} ${error.status}`),
    onErrorHead: () => calls.push('error head'),
    onDecodeBody: () => undefined,
    onDecodeData: (bytes, isGoodEnd) => {
      forwarded.push(Buffer.from(bytes))
      run.endsWell = isGoodEnd
    },
  }
  const leg = new DecodeLeg({ held: preamble + event, preamble, event }, events, {
    bodies: SMALL_BODIES,
    dialect: DONE_DIALECT,
    ...options,
  })
  const run: LegRun = { leg, calls, client: () => Buffer.concat(forwarded).toString(), endsWell: false }
  return run
}

function ofPrompt(tokens: number | undefined): string {
  return tokens === undefined ? '' : `, a prompt of ${tokens}`
}

/** A leg that has received the reads, each by itself. */
function opened(reads: readonly string[], options: UsageOptions): LegRun {
  const run = openLeg(undefined, undefined, options)
  run.leg.onHead(200, STREAM)
  for (const read of reads) run.leg.onData(Buffer.from(read))
  return run
}

function streamed(text: string, cuts: readonly number[] = [], options: UsageOptions = {}): LegRun {
  const run = openLeg(undefined, undefined, options)
  const bytes = Buffer.from(text)
  run.leg.onHead(200, STREAM)
  let start = 0
  for (const cut of [...cuts.map(position => position % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    if (cut > start) run.leg.onData(bytes.subarray(start, cut))
    start = cut
  }
  run.leg.onEnd()
  return run
}

suite('DecodeLeg of an engine that says at the end how much of the prompt it had cached', () => {
  const usage = '"usage":{"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}'
  const text = `${ROLE}${TOKEN}${STOP}data: {"choices":[],${usage}}\n\n${DONE}`

  test('reports it once, wherever the stream is cut, and forwards all of it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 5 }), cuts => {
        const run = streamed(text, cuts, { awaitsUsage: true })
        assert.deepEqual(run.calls, ['ready', 'cached: 4 of 7', 'complete'])
        assert.equal(run.client(), text)
      }),
      { seed: 3 },
    )
  })

  test('does not look for it if nobody waits for it', () => {
    assert.deepEqual(streamed(text).calls, ['ready', 'complete'])
  })

  test('is not misled by the word in a text', () => {
    const word = 'data: {"choices":[{"delta":{"content":"\\"cached_tokens\\":9"}}]}\n\n'
    assert.deepEqual(streamed(word + DONE, [], { awaitsUsage: true }).calls, ['ready', 'complete'])
  })
})

const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'
const COUNTED_TOKEN = 'data: {"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}\n\n'
const PAIR = { isPair: true, awaitsUsage: true } as const

suite('DecodeLeg of a pair whose stream counts its prompt', () => {
  const cases: readonly [what: string, reads: readonly string[], calls: readonly string[]][] = [
    [
      'after the first token',
      [ROLE + TOKEN, STOP, USAGE, DONE],
      ['ready', 'counted, a prompt of 7', 'complete, a prompt of 7'],
    ],
    [
      'together with the end',
      [TOKEN, STOP + USAGE + DONE],
      ['ready', 'counted, a prompt of 7', 'complete, a prompt of 7'],
    ],
    [
      'in one read with the first token',
      [TOKEN + STOP + USAGE, DONE],
      ['ready, a prompt of 7', 'complete, a prompt of 7'],
    ],
    ['before the first token', [USAGE, TOKEN, DONE], ['ready, a prompt of 7', 'complete, a prompt of 7']],
    ['in each event', [COUNTED_TOKEN, USAGE, DONE], ['ready, a prompt of 7', 'complete, a prompt of 7']],
    ['twice', [TOKEN, USAGE, USAGE, DONE], ['ready', 'counted, a prompt of 7', 'complete, a prompt of 7']],
    [
      'after an end without a token',
      [STOP.replace('stop', 'length') + USAGE + DONE],
      ['complete, no token, a prompt of 7'],
    ],
  ]
  for (const [what, reads, calls] of cases)
    test(`reports the count once: ${what}`, () => assert.deepEqual(opened(reads, PAIR).calls, calls))

  test('forwards nothing of the read that counts another prompt than the attempt expects', () => {
    const run = opened([TOKEN], PAIR)
    run.calls.push = (call: string) => {
      if (call.startsWith('counted')) run.leg.isOpen = false
      return 0
    }
    run.leg.onData(Buffer.from(STOP + USAGE + DONE))
    assert.equal(run.client(), TOKEN)
  })

  for (const [what, text] of [
    ['with its end', TOKEN + STOP + USAGE + DONE],
    ['of /generate', COUNTED_TOKEN + DONE],
  ] as const)
    test(`is complete, not ready, when all of a stream ${what} arrives in one read`, () => {
      const run = opened([text], PAIR)
      assert.deepEqual([run.calls, run.client()], [['complete, a prompt of 7'], ''])
      assert.equal(Buffer.from(run.leg.body.joined()).toString(), text)
    })

  test('looks for no count that nobody awaits, and commits at once where there is none', () => {
    assert.deepEqual(opened([TOKEN, USAGE + DONE], { isPair: true }).calls, ['ready', 'complete'])
    assert.deepEqual(opened([TOKEN + DONE], PAIR).calls, ['ready', 'complete'])
    assert.deepEqual(opened([COUNTED_TOKEN + DONE], {}).calls, [
      'ready, a prompt of 7',
      'complete, a prompt of 7',
    ])
  })

  test('says of the last events whether they end a good response', () => {
    assert.ok(opened([COUNTED_TOKEN, DONE], PAIR).endsWell)
    assert.ok(!opened([COUNTED_TOKEN, COUNTED_TOKEN], PAIR).endsWell)
    assert.ok(!opened([COUNTED_TOKEN, ABORT + DONE], PAIR).endsWell)
    assert.ok(!opened([COUNTED_TOKEN, ABORT, DONE], PAIR).endsWell)
  })

  test('ignores the count of a stream that the engine gives up, or that the client has aborted', () => {
    const failed = opened([TOKEN, ABORT + USAGE + DONE], PAIR)
    assert.deepEqual(failed.calls, ['ready', 'reported: abort 500', 'complete'])
    const aborted = opened([TOKEN], PAIR)
    aborted.leg.isAbortRequested = true
    aborted.leg.onData(Buffer.from(ABORT + USAGE + DONE))
    assert.deepEqual([aborted.calls, aborted.endsWell], [['ready', 'complete'], false])
  })
})

/** An abort as the finish of `/generate`. */
function abortOf(status: number | null): string {
  const reason = { type: 'abort', message: 'Aborted', status_code: status }
  return `data: ${JSON.stringify({ text: '', meta_info: { finish_reason: reason } })}\n\n`
}

suite('DecodeLeg whose client has asked for an abort before there was a token', () => {
  for (const [what, text] of [
    ['a chat', ROLE + ABORT + USAGE + DONE],
    ['a completion', `data: {"choices":[{"text":"","finish_reason":"abort"}]}\n\n${DONE}`],
    ['/generate', abortOf(null) + DONE],
  ] as const)
    test(`forwards the abort of ${what} as the engine wrote it`, () => {
      for (const isPair of [false, true]) {
        const run = openLeg(undefined, undefined, { isPair })
        run.leg.onHead(200, STREAM)
        run.leg.isAbortRequested = true
        run.leg.onData(Buffer.from(text))
        assert.deepEqual([run.calls, run.client()], [['ready', 'complete'], text])
      }
    })

  test('fails for an abort with a status, by which engines of a pair report a failed transfer', () => {
    const run = openLeg()
    run.leg.onHead(200, STREAM)
    run.leg.isAbortRequested = true
    run.leg.onData(Buffer.from(abortOf(500) + DONE))
    assert.deepEqual([run.calls, run.client()], [['failed: abort 500'], ''])
  })
})

suite('DecodeLeg with a stream', () => {
  const cases: readonly [what: string, text: string, calls: readonly string[], client: string][] = [
    [
      'commits at the first token and ends with [DONE]',
      ROLE + TOKEN + STOP + DONE,
      ['ready', 'complete'],
      ROLE + TOKEN + STOP + DONE,
    ],
    ['commits at a finish without a token', ROLE + STOP + DONE, ['ready', 'complete'], ROLE + STOP + DONE],
    [
      'forwards a [DONE] without its blank line',
      TOKEN + DONE.trimEnd(),
      ['ready', 'complete'],
      TOKEN + DONE.trimEnd(),
    ],
    ['reports a stream that was cut after an event', ROLE + TOKEN, ['ready', 'complete, cut'], ROLE + TOKEN],
    ['holds back half an event that was cut', `${TOKEN}data: {"ch`, ['ready', 'complete, cut'], TOKEN],
    ['forwards nothing of an abort after a role', ROLE + ABORT + DONE, ['failed: abort 500'], ''],
    ['fails for an end without a token', ROLE + DONE, ['failed: no-token 502'], ''],
    ['fails for a bare [DONE]', DONE, ['failed: no-token 502'], ''],
    ['reports a clean end without any event', '', ['complete, no token, cut'], ''],
    ['fails for data that is not JSON', 'data: <html>\n\n', ['failed: protocol 502'], ''],
  ]
  for (const [what, text, calls, client] of cases) {
    test(what, () => {
      const run = streamed(text)
      assert.deepEqual([run.calls, run.client()], [calls, client])
    })
  }

  test('reports and forwards the same for every split', () => {
    const texts = cases.map(([, text]) => text)
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
        const [whole, split] = [streamed(text), streamed(text, cuts)]
        assert.deepEqual([split.calls, split.client()], [whole.calls, whole.client()])
      }),
      { seed: 21, numRuns: 1000 },
    )
  })

  const OOM = 'data: {"error": {"object": "error", "message": "Out of memory", "code": 500}}\n\n'
  const GENERATED = 'data: {"text":"a","meta_info":{"finish_reason":null}}\n\n'
  const LOST = 'data: {"text":"a","meta_info":{"finish_reason":{"type":"abort","status_code":503}}}\n\n'
  for (const [what, before, event, calls] of [
    ['an error event', TOKEN, OOM, 'error-event 500'],
    ['an abort as the finish', TOKEN, ABORT, 'abort 500'],
    ['an abort of /generate', GENERATED, LOST, 'abort 503'],
    ['a finish by an error', TOKEN, ABORT.replace('abort', 'error'), 'error-event 500'],
    ['an event by the name of error', TOKEN, 'event: error\ndata: {"message":"m"}\n\n', 'error-event 500'],
  ] as const) {
    test(`forwards ${what} after tokens as the engine wrote it, and reports it`, () => {
      const run = openLeg()
      run.leg.onHead(200, STREAM)
      run.leg.onData(Buffer.from(before))
      run.leg.onData(Buffer.from(before + event + DONE))
      run.leg.onEnd()
      const client = before + before + event + DONE
      assert.deepEqual([run.calls, run.client()], [['ready', `reported: ${calls}`, 'complete'], client])
    })

    test(`forwards nothing when ${what} arrives in one read with the first token`, () => {
      const run = openLeg()
      run.leg.onHead(200, STREAM)
      run.leg.onData(Buffer.from(before + event + DONE))
      assert.deepEqual([run.calls, run.client()], [[`failed: ${calls}`], ''])
    })

    test(`forwards ${what} when the client has asked for it`, () => {
      const run = openLeg()
      run.leg.onHead(200, STREAM)
      run.leg.onData(Buffer.from(before))
      run.leg.isAbortRequested = true
      run.leg.onData(Buffer.from(event + DONE))
      run.leg.onEnd()
      assert.deepEqual([run.calls, run.client()], [['ready', 'complete'], before + event + DONE])
    })
  }

  test('does not mistake tokens that look like a failure for one', () => {
    const words = ['error', 'abort', '"error"', '{"error":{"code":500}}', 'finish_reason":"abort"']
    const tokens = words.map(content => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
    const run = streamed([TOKEN, ...tokens, 'data: "error" is no JSON object\n\n', STOP, DONE].join(''))
    assert.deepEqual(run.calls, ['ready', 'complete'])
  })

  for (const [what, after] of [
    ['garbage', '<html>\n\n'],
    ['an error event', OOM],
    ['half an event', 'data: {"err'],
    ['another [DONE]', DONE],
  ] as const)
    test(`is complete at [DONE], whatever follows it in the same read or the next: ${what}`, () => {
      for (const cut of [0, after.length]) {
        const run = openLeg()
        run.leg.onHead(200, STREAM)
        run.leg.onData(Buffer.from(TOKEN + DONE + after.slice(0, cut)))
        assert.deepEqual(run.calls, ['ready', 'complete'])
        run.leg.onData(Buffer.from(after.slice(cut)))
        run.leg.onError(RESET)
        assert.deepEqual([run.calls, run.client()], [['ready', 'complete'], TOKEN + DONE])
      }
    })

  test('reports only the first failure of a stream', () => {
    const run = streamed(TOKEN)
    const reported = openLeg()
    reported.leg.onHead(200, STREAM)
    for (const text of [TOKEN, OOM, OOM]) reported.leg.onData(Buffer.from(text))
    reported.leg.onEnd()
    assert.deepEqual(reported.calls, ['ready', 'reported: error-event 500', 'complete, cut'])
    assert.equal(reported.client(), `${run.client()}${OOM}${OOM}`)
  })

  test('fails once when its connection breaks', () => {
    const run = openLeg()
    run.leg.onHead(200, STREAM)
    run.leg.onData(Buffer.from(ROLE))
    run.leg.onError(RESET)
    run.leg.onData(Buffer.from(TOKEN))
    run.leg.onEnd()
    assert.deepEqual([run.calls, run.client()], [['failed: transport 502'], ''])
  })

  test('fails when it sends more than the limit before a token', () => {
    const run = openLeg(3 * ROLE.length - 1)
    run.leg.onHead(200, STREAM)
    for (let event = 0; event < 5; event++) run.leg.onData(Buffer.from(ROLE))
    assert.deepEqual(run.calls, ['failed: protocol 502'])
  })

  test('fails when an event without an end grows beyond the limit before a token', () => {
    const run = openLeg(1 << 20, 100)
    run.leg.onHead(200, STREAM)
    run.leg.onData(Buffer.from(ROLE.slice(0, 60)))
    assert.deepEqual(run.calls, [])
    run.leg.onData(Buffer.alloc(41, 'x'))
    assert.deepEqual(run.calls, ['failed: protocol 502'])
  })

  test('forwards a first event that is larger than all that may precede it', () => {
    const run = openLeg(ROLE.length, 10_000)
    const large = `data: {"text":"a","meta_info":{"input_token_logprobs":"${'x'.repeat(9000)}"}}\n\n`
    run.leg.onHead(200, STREAM)
    run.leg.onData(Buffer.from(ROLE + large.slice(0, 5000)))
    run.leg.onData(Buffer.from(large.slice(5000)))
    assert.deepEqual([run.calls, run.client()], [['ready'], ROLE + large])
  })

  test('fails when an event without an end grows beyond its limit after a token, and forwards no part of it', () => {
    const run = openLeg(1 << 20, 100)
    run.leg.onHead(200, STREAM)
    run.leg.onData(Buffer.from(TOKEN + TOKEN.slice(0, 40)))
    run.leg.onData(Buffer.alloc(59, 'x'))
    assert.deepEqual(run.calls, ['ready'])
    run.leg.onData(Buffer.from('y'))
    assert.deepEqual([run.calls, run.client()], [['ready', 'failed: protocol 502'], TOKEN])
  })

  test('accepts one event up to the limit after the other', () => {
    const run = openLeg(1 << 20, Buffer.byteLength(TOKEN))
    run.leg.onHead(200, STREAM)
    const text = Buffer.from(TOKEN.repeat(9))
    for (let start = 0; start < text.length; start += 7) run.leg.onData(text.subarray(start, start + 7))
    assert.deepEqual([run.calls, run.client()], [['ready'], TOKEN.repeat(9)])
  })

  test('holds nothing once it is committed, whatever follows', () => {
    const run = openLeg(Buffer.byteLength(TOKEN))
    run.leg.onHead(200, STREAM)
    for (let event = 0; event < 9; event++) run.leg.onData(Buffer.from(TOKEN))
    assert.deepEqual([run.calls, run.client()], [['ready'], TOKEN.repeat(9)])
  })
})

suite('DecodeLeg with a response in a content coding', () => {
  for (const [status, calls] of [
    [200, ['failed: protocol 502']],
    [400, ['failed: status 400']],
    [503, ['failed: status 503']],
  ] as const)
    test(`fails at the head of a ${status}, and reads none of its bytes`, () => {
      const { leg, calls: seen } = openLeg()
      leg.onHead(status, [...JSON_BODY, 'content-encoding', 'gzip'])
      leg.onData(Buffer.from([0x1f, 0x8b]))
      leg.onEnd()
      assert.deepEqual(seen, calls)
    })

  test('accepts identity', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, [...STREAM, 'content-encoding', 'identity'])
    leg.onData(Buffer.from(TOKEN + DONE))
    assert.deepEqual(calls, ['ready', 'complete'])
  })
})

suite('DecodeLeg with a body', () => {
  const good = '{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7}}'

  test('reports a good response when it is complete', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from(good.slice(0, 20)))
    leg.onData(Buffer.from(good.slice(20)))
    assert.deepEqual(calls, [])
    leg.onEnd()
    assert.deepEqual(calls, ['complete, a prompt of 7'])
    assert.equal(Buffer.from(leg.body.joined()).toString(), good)
  })

  test('fails for an abort inside a 200', () => {
    const { leg, calls } = openLeg()
    leg.onHead(200, JSON_BODY)
    leg.onData(Buffer.from('{"meta_info":{"finish_reason":{"type":"abort","status_code":503}}}'))
    leg.onEnd()
    assert.deepEqual(calls, ['failed: abort 503'])
  })

  test('reports an error status at the head, and its reason at the end', () => {
    const { leg, calls } = openLeg()
    leg.onHead(503, JSON_BODY)
    assert.deepEqual(calls, ['error head'])
    leg.onData(Buffer.from('{"error":{"message":"why"}}'))
    assert.equal(leg.errorResponse().error.message, 'why')
    leg.onEnd()
    assert.deepEqual(calls, ['error head', 'failed: status 503'])
  })

  test('keeps an error status whose connection breaks', () => {
    const { leg, calls } = openLeg()
    leg.onHead(413, JSON_BODY)
    leg.onError(RESET)
    assert.deepEqual(calls, ['error head', 'failed: status 413'])
  })

  test('does not accept an empty 204 as a response', () => {
    const { leg, calls } = openLeg()
    leg.onHead(204, [])
    leg.onEnd()
    assert.deepEqual(calls, ['failed: protocol 502'])
  })

  for (const headers of [[], JSON_BODY, STREAM])
    test(`treats a redirect of type ${headers[1] ?? 'none'} as an error`, () => {
      const { leg, calls } = openLeg()
      leg.onHead(307, headers)
      leg.onData(Buffer.from(TOKEN))
      leg.onEnd()
      assert.deepEqual(calls, ['error head', 'failed: status 502'])
    })
})

suite('DecodeLeg that is only open to be aborted', () => {
  for (const item of ['data', 'end', 'failure'] as const)
    test(`reports its first item, ${item}, and nothing else`, () => {
      const { leg, calls } = openLeg()
      let items = 0
      leg.onHead(200, STREAM)
      leg.onFirstItem = () => {
        items++
        leg.isOpen = false
      }
      if (item === 'data') leg.onData(Buffer.from(TOKEN))
      if (item === 'end') leg.onEnd()
      if (item === 'failure') leg.onError(RESET)
      leg.onData(Buffer.from(TOKEN))
      leg.onEnd()
      assert.deepEqual([items, calls], [1, []])
    })
})
