/** One attempt over real sockets: its callbacks, the aborts that engines get, and that every lease is released. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { suite, type TestContext, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../src/config/config.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { LegJournal, type OpenLegs, takeOrphanedLegs } from '../../../src/shared/leg-journal.ts'
import { Attempt } from '../../../workers/attempt/attempt.ts'
import { CollectedResponses } from '../../../workers/attempt/collected-responses.ts'
import { EngineAborts } from '../../../workers/attempt/engine-abort.ts'
import { DONE_DIALECT } from '../../../workers/dialects/done-dialect.ts'
import { readTimeouts } from '../../../workers/request/timeouts.ts'
import { TurnQueue } from '../../../workers/turns/turn-queue.ts'
import { Upstreams } from '../../../workers/upstream/upstreams.ts'
import { engineOf } from '../../support/engines.ts'
import { heldLease } from '../../support/held-lease.ts'
import { listen } from '../../support/listen.ts'
import { until } from '../../support/until.ts'

const RID = '0123456789abcdef0123456789abcdef'
const TOKEN = 'data: {"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}\n\n'
const DONE = 'data: [DONE]\n\n'
/** The two ends of a batch: its second prompt is aborted, its first one completes. */
const ABORT =
  'data: {"text":"","meta_info":{"finish_reason":{"type":"abort","message":"KVTransferError","status_code":500}},"index":1}\n\n'
const LAST = 'data: {"text":"ab","meta_info":{"finish_reason":{"type":"length","length":2}},"index":0}\n\n'
const BODY = '{"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}'

type Script = (response: ServerResponse) => unknown

interface ScriptedEngine {
  readonly url: string
  /** What arrived, in order: `generate`, `abort <rid>`, `gone` when the socket of a generation closed early. */
  readonly seen: string[]
}

async function startEngine(t: TestContext, script: Script): Promise<ScriptedEngine> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    void text(request).then(body => {
      if (request.url === '/abort_request') {
        seen.push(`abort ${String(/"rid":"(\w+)"/.exec(body)?.[1])}`)
        return response.end()
      }
      seen.push('generate')
      response.on('close', () => {
        if (!response.writableFinished) seen.push('gone')
      })
      return script(response)
    })
  })
  const port = await listen(server)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${port}`, seen }
}

interface AttemptSetup {
  readonly attempt: Attempt
  /** The calls of the attempt to its owner. */
  readonly calls: string[]
  readonly prefill: ScriptedEngine
  readonly decode: ScriptedEngine
  inFlight(): number[]
  /** Slots of the engines whose leg was never sent. */
  readonly unsent: readonly number[]
  /** The open legs of the journal, which are removed from it. */
  takeOpenLegs(): OpenLegs[]
}

interface SetupOptions {
  readonly prefill: Script
  readonly decode: Script
  readonly isStream?: boolean
  readonly mergesPrefill?: boolean
  readonly isBatch?: boolean
  readonly awaitsUsage?: boolean
  readonly config?: ConfigInput
}

async function setUp(t: TestContext, options: SetupOptions): Promise<AttemptSetup> {
  const config = configSchema.parse(options.config ?? {})
  const upstreams = new Upstreams(config)
  const aborts = new EngineAborts(upstreams, { config, log: { warn: () => undefined } })
  t.after(() => {
    aborts.close()
    upstreams.destroy()
  })
  const turns = new TurnQueue()
  t.after(() => turns.close())
  const shared = createSharedMemory(2, 1)
  const slots = new EngineSlots(shared)
  const [prefill, decode] = [await startEngine(t, options.prefill), await startEngine(t, options.decode)]
  const calls: string[] = []
  const unsent: number[] = []
  const engines = [
    engineOf({ slot: 0, role: 'prefill', url: prefill.url }),
    engineOf({ slot: 1, role: 'decode', url: decode.url }),
  ] as const
  const plan = {
    path: '/generate',
    isStream: options.isStream ?? true,
    showsProgress: options.isStream ?? true,
    dialect: DONE_DIALECT,
    mergesPrefill: options.mergesPrefill ?? false,
    wantsToken: true,
    awaitsUsage: options.awaitsUsage ?? false,
    isBatch: options.isBatch ?? false,
    prefill: engines[0],
    decode: engines[1],
    exchangeId: 7,
    rid: RID,
    takesRid: true,
    headers: ['content-type', 'application/json'],
    timeouts: readTimeouts([], config.timeouts).timeouts,
    body: Buffer.from('{}'),
    freshConnection: false,
    leases: { prefill: heldLease(slots, 0, engines[0]), decode: heldLease(slots, 0, engines[1]) },
  } as const
  const events = {
    onResponse: (_: unknown, body: Uint8Array) => calls.push(`response ${Buffer.from(body).toString()}`),
    onHead: () => calls.push('head'),
    onData: (bytes: Uint8Array) => calls.push(Buffer.from(bytes).toString()),
    onEnd: () => calls.push('end'),
    onError: (failure: { cause: string; error: { leg?: string | undefined } }) =>
      calls.push(`error: ${failure.cause} of ${failure.error.leg}`),
    onPromptError: (failure: { cause: string }) => calls.push(`prompt error: ${failure.cause}`),
    onPromptComputed: () => undefined,
    onReportedError: (failure: { cause: string }) => calls.push(`reported: ${failure.cause}`),
    onStreamError: (failure: { cause: string }) => calls.push(`stream error: ${failure.cause}`),
  }
  const attempt = new Attempt(plan, events, {
    config,
    upstreams,
    aborts,
    journal: new LegJournal(shared, 0),
    metrics: { legUnsent: ({ slot }) => unsent.push(slot) },
    turns,
    collected: new CollectedResponses({ limitBytes: Infinity, giveUp: () => undefined }),
  })
  return {
    attempt,
    calls,
    unsent,
    prefill,
    decode,
    inFlight: () => [slots.inFlight(0), slots.inFlight(1)],
    takeOpenLegs: () => takeOrphanedLegs(shared, 0),
  }
}

const silent: Script = () => undefined
const unary: Script = response => response.writeHead(200, { 'content-type': 'application/json' }).end(BODY)
/** A head and a part of its body, then silence. */
const stalled: Script = response =>
  response.writeHead(200, { 'content-length': BODY.length }).write(BODY.slice(0, 9))
/** Another prompt. */
const other: Script = response =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(BODY.replace('7', '8'))
const refuse: Script = response => response.writeHead(500).end('{"error":{"message":"why"}}')
const busy: Script = response => response.writeHead(503).end('{"error":{"message":"full"}}')

function streamOf(...blocks: readonly string[]): Script {
  return response => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const block of blocks) response.write(block)
  }
}

const stream: Script = response => {
  streamOf(TOKEN, DONE)(response)
  response.end()
}

const atOnce: Script = response =>
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(TOKEN + DONE)

function isFinished({ calls }: AttemptSetup): boolean {
  return /^(?:response|end|error|stream error)/.test(calls.at(-1) ?? '')
}

suite('Attempt', () => {
  test('counts both legs before the first byte is sent, and each until its end', async t => {
    const setup = await setUp(t, { prefill: unary, decode: stream })
    setup.attempt.start()
    assert.deepEqual(setup.inFlight(), [1, 1])
    await until(() => isFinished(setup))
    assert.deepEqual(setup.takeOpenLegs(), [])
    assert.equal(setup.calls.join(''), `head${TOKEN}${DONE}end`)
    assert.deepEqual(setup.inFlight(), [0, 0])
    assert.deepEqual(setup.unsent, [])
  })

  test('counts legs as unsent that are aborted before they have a connection', async t => {
    const setup = await setUp(t, { prefill: unary, decode: stream })
    setup.attempt.start()
    setup.attempt.abort()
    assert.deepEqual(setup.unsent, [0, 1])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  test('hands over a unary response once both legs agree', async t => {
    const setup = await setUp(t, { prefill: unary, decode: unary, isStream: false })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, [`response ${BODY}`])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  for (const [what, prefill, decode, leg] of [
    ['a silent decode when prefill refuses', refuse, silent, 'prefill'],
    ['a silent prefill when decode refuses', silent, refuse, 'decode'],
  ] as const)
    test(`aborts ${what}, at its engine and on its socket`, async t => {
      const setup = await setUp(t, { prefill, decode })
      setup.attempt.start()
      await until(() => isFinished(setup))
      assert.deepEqual(setup.calls, [`error: status of ${leg}`])
      const partner = leg === 'prefill' ? setup.decode : setup.prefill
      await until(() => partner.seen.includes('gone') && partner.seen.includes(`abort ${RID}`))
      assert.deepEqual(setup.inFlight(), [0, 0])
      assert.deepEqual(setup.unsent, [])
    })

  test('fails for a late error status of prefill without a body, despite the complete response of decode', async t => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>()
    // Longer than the test, so that only the status can end the wait.
    const config = { upstream: { prefillGraceMs: 60_000 } }
    const setup = await setUp(t, { prefill: resolve, decode: unary, isStream: false, config })
    setup.attempt.start()
    const response = await asked
    await until(() => setup.inFlight()[1] === 0, "decode's response is complete")
    assert.deepEqual(setup.calls, [])
    response.writeHead(500).flushHeaders()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: status of prefill'])
  })

  test('aborts on both engines when the client is gone, and calls nothing more', async t => {
    const setup = await setUp(t, { prefill: silent, decode: streamOf(TOKEN) })
    setup.attempt.start()
    await until(() => setup.calls.length === 2)
    assert.deepEqual(setup.takeOpenLegs(), [{ exchangeId: 7, prefillSlot: 0, decodeSlot: 1, rid: RID }])
    setup.attempt.abort()
    assert.deepEqual(setup.inFlight(), [0, 0])
    const engines = [setup.prefill, setup.decode]
    await until(() => engines.every(({ seen }) => seen.includes('gone') && seen.includes(`abort ${RID}`)))
    assert.deepEqual(setup.calls, ['head', TOKEN])
  })

  test('breaks a stream that stalls after its first token', async t => {
    const config = { timeouts: { idleMs: 50 } }
    const setup = await setUp(t, { prefill: unary, decode: streamOf(TOKEN), config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['head', TOKEN, 'stream error: stalled'])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  test('is over at [DONE], keeps no engine busy and aborts nothing, however the body ends', async t => {
    const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
    const decode: Script = response => {
      streamOf(TOKEN, DONE)(response)
      resolve(response)
    }
    const setup = await setUp(t, { prefill: unary, decode })
    setup.attempt.start()
    const response = await sent
    await until(() => isFinished(setup))
    assert.deepEqual(setup.inFlight(), [0, 0])
    setup.attempt.abort()
    response.write('data: {"error":"late"}\n\n<html>')
    await until(() => setup.decode.seen.includes('gone'), 'the connection whose body does not end is closed')
    assert.equal(setup.calls.join(''), `head${TOKEN}${DONE}end`)
    assert.deepEqual([setup.prefill.seen, setup.decode.seen], [['generate'], ['generate', 'gone']])
  })

  test('keeps the connection of a stream whose body ends after its [DONE]', async t => {
    const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
    const decode: Script = response => {
      streamOf(TOKEN, DONE)(response)
      resolve(response)
    }
    const setup = await setUp(t, { prefill: unary, decode })
    setup.attempt.start()
    const response = await sent
    await until(() => isFinished(setup))
    const { socket } = response
    response.end()
    await once(response, 'close')
    assert.deepEqual([socket?.destroyed, setup.decode.seen], [false, ['generate']])
  })

  for (const [what, end] of [
    ['resets', response => response.destroy()],
    ['sends garbage', response => response.end('<html>')],
    ['ends without a last chunk', response => response.socket?.end()],
  ] as const satisfies readonly (readonly [string, Script])[])
    test(`does not fail when the engine ${what} after [DONE]`, async t => {
      const decode: Script = response => {
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(TOKEN + DONE, () => end(response))
      }
      const setup = await setUp(t, { prefill: unary, decode })
      setup.attempt.start()
      await until(() => isFinished(setup))
      await until(() => setup.inFlight().every(count => count === 0))
      assert.equal(setup.calls.join(''), `head${TOKEN}${DONE}end`)
      assert.ok(setup.decode.seen.every(call => !call.startsWith('abort')))
    })

  test('fails when no token arrives in time', async t => {
    const config = { timeouts: { firstTokenMs: 50 } }
    const setup = await setUp(t, { prefill: unary, decode: silent, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: stalled of decode'])
    await until(() => setup.decode.seen.includes(`abort ${RID}`))
  })

  test('breaks a stream whose event does not end, and stops both engines', async t => {
    const config = { limits: { eventBytes: 4096 } }
    const decode = streamOf(TOKEN, `data: {"text":"${'a'.repeat(8192)}`)
    const setup = await setUp(t, { prefill: unary, decode, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['head', TOKEN, 'stream error: protocol'])
    await until(() => setup.decode.seen.includes('gone') && setup.decode.seen.includes(`abort ${RID}`))
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  test('fails when an event without an end precedes the first token', async t => {
    const config = { limits: { eventBytes: 4096 } }
    const decode = streamOf(`data: {"text":"${'a'.repeat(8192)}`)
    const setup = await setUp(t, { prefill: unary, decode, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: protocol of decode'])
  })

  test('holds all tokens that precede the prefill response that is merged into them', async t => {
    const { promise: requested, resolve } = Promise.withResolvers<ServerResponse>()
    const config = { limits: { peekBytes: 1024 } }
    const long = TOKEN.repeat(100)
    const decode: Script = response => {
      streamOf(long, DONE)(response)
      response.end()
    }
    const setup = await setUp(t, { prefill: resolve, decode, mergesPrefill: true, config })
    setup.attempt.start()
    const response = await requested
    await until(() => setup.inFlight()[1] === 0)
    assert.deepEqual(setup.calls, [])
    unary(response)
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['head', long + DONE, 'end'])
  })

  test('fails when a unary response stalls after its head', async t => {
    const config = { timeouts: { idleMs: 50 } }
    const setup = await setUp(t, { prefill: unary, decode: stalled, isStream: false, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: stalled of decode'])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  test('breaks a stream off before the event in which decode counts another prompt than prefill', async t => {
    const token = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":1}}\n\n'
    const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
    const decode: Script = response => {
      streamOf(token)(response)
      resolve(response)
    }
    const setup = await setUp(t, { prefill: unary, decode, awaitsUsage: true })
    setup.attempt.start()
    const response = await sent
    await until(() => setup.calls.length === 2 && setup.inFlight()[0] === 0)
    response.end(usage + DONE)
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['head', token, 'stream error: token-mismatch'])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })

  for (const [what, respond, end] of [
    ['has counted the same prompt', unary, [DONE, 'end']],
    ['has counted another prompt', other, ['stream error: token-mismatch']],
    ['has failed', refuse, [DONE, 'end']],
    ['is lost', response => response.destroy(), [DONE, 'end']],
  ] as const satisfies readonly (readonly [string, Script, readonly string[]])[])
    test(`holds the end of a stream until prefill ${what}`, async t => {
      const { promise: asked, resolve: ask } = Promise.withResolvers<ServerResponse>()
      const { promise: sent, resolve: send } = Promise.withResolvers<ServerResponse>()
      const decode: Script = response => {
        streamOf(TOKEN)(response)
        send(response)
      }
      // Longer than the test, so that only prefill can end the wait.
      const config = { upstream: { prefillGraceMs: 60_000 } }
      const setup = await setUp(t, { prefill: ask, decode, config })
      setup.attempt.start()
      const prefill = await asked
      const response = await sent
      await until(() => setup.calls.length === 2)
      response.end(DONE)
      await until(() => setup.inFlight()[1] === 0, "decode's response is complete")
      assert.deepEqual(setup.calls, ['head', TOKEN])
      await respond(prefill)
      await until(() => isFinished(setup))
      assert.deepEqual(setup.calls, ['head', TOKEN, ...end])
      assert.deepEqual(setup.inFlight(), [0, 0])
    })

  test('ends a stream without prefill once the grace is over', async t => {
    const config = { upstream: { prefillGraceMs: 50 } }
    const setup = await setUp(t, { prefill: silent, decode: stream, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.equal(setup.calls.join(''), `head${TOKEN}${DONE}end`)
  })

  test('forwards nothing of a stream in one read whose prompt is not that of prefill', async t => {
    const setup = await setUp(t, { prefill: other, decode: atOnce })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: token-mismatch of prefill'])
  })

  for (const [what, isBatch, calls] of [
    [
      'continues when an engine aborts one prompt of a batch',
      true,
      ['prompt error: abort', ABORT + LAST + DONE, 'end'],
    ],
    [
      'forwards the abort of its only prompt as the engine wrote it, to the end',
      false,
      [ABORT + LAST + DONE, 'reported: abort', 'end'],
    ],
  ] as const)
    test(what, async t => {
      const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
      const decode: Script = response => {
        streamOf(TOKEN)(response)
        resolve(response)
      }
      const setup = await setUp(t, { prefill: unary, decode, isBatch })
      setup.attempt.start()
      const response = await sent
      await until(() => setup.calls.length === 2)
      response.end(ABORT + LAST + DONE)
      await until(() => isFinished(setup))
      assert.deepEqual(setup.calls, ['head', TOKEN, ...calls])
      assert.deepEqual(setup.inFlight(), [0, 0])
    })

  for (const [what, decode] of [
    ['failed', refuse],
    ['refused', busy],
  ] as const)
    test(`does not wait for prefill when decode has ${what}`, async t => {
      // Far longer than the limit of `until`.
      const config = { upstream: { abortDeferMs: 600_000 } }
      const setup = await setUp(t, { prefill: silent, decode, config })
      setup.attempt.start()
      await until(() => isFinished(setup))
      assert.deepEqual(setup.inFlight(), [0, 0])
      await until(() => setup.prefill.seen.includes('gone') && setup.prefill.seen.includes(`abort ${RID}`))
    })

  test('frees both engines at once when a body stalls, even if the abort of decode is deferred', async t => {
    const config = {
      upstream: { abortMode: 'deferred', abortDeferMs: 500 },
      timeouts: { idleMs: 50 },
    } as const
    const setup = await setUp(t, { prefill: unary, decode: stalled, isStream: false, config })
    setup.attempt.start()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['error: stalled of decode'])
    assert.deepEqual(setup.inFlight(), [0, 0])
    assert.deepEqual(setup.decode.seen, ['generate'])
    await until(() => setup.decode.seen.includes(`abort ${RID}`))
  })

  test('breaks a stream whose connection breaks after its first token', async t => {
    const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
    const decode: Script = response => {
      streamOf(TOKEN)(response)
      resolve(response)
    }
    const setup = await setUp(t, { prefill: unary, decode })
    setup.attempt.start()
    const response = await sent
    await until(() => setup.calls.length === 2)
    response.destroy()
    await until(() => isFinished(setup))
    assert.deepEqual(setup.calls, ['head', TOKEN, 'stream error: transport'])
    assert.deepEqual(setup.inFlight(), [0, 0])
  })
})
