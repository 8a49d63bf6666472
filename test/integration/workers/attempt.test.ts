/** One attempt over real sockets: what its sink hears, what the engines are told, and that every lease comes back. */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { suite, type TestContext, test } from 'node:test'
import { type ConfigInput, configSchema } from '../../../src/config/config.ts'
import { EngineSlots } from '../../../src/shared/engine-slots.ts'
import { createSharedMemory } from '../../../src/shared/layout.ts'
import { LegJournal, type OpenLegs, takeLeftLegs } from '../../../src/shared/leg-journal.ts'
import { AbortCalls } from '../../../workers/abort-request.ts'
import { Attempt } from '../../../workers/attempt.ts'
import { readTimers } from '../../../workers/request-timers.ts'
import { Upstreams } from '../../../workers/upstream/upstreams.ts'
import { engineOf } from '../../support/engines.ts'
import { heldLease } from '../../support/held-lease.ts'
import { listen } from '../../support/listen.ts'
import { until } from '../../support/until.ts'

const RID = '0123456789abcdef0123456789abcdef'
const TOKEN = 'data: {"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}\n\n'
const DONE = 'data: [DONE]\n\n'
/** Of a batch: the second prompt is aborted, the first one ends well. */
const ABORT =
  'data: {"text":"","meta_info":{"finish_reason":{"type":"abort","message":"KVTransferError","status_code":500}},"index":1}\n\n'
const LAST = 'data: {"text":"ab","meta_info":{"finish_reason":{"type":"length","length":2}},"index":0}\n\n'
const WHOLE = '{"text":"a","meta_info":{"prompt_tokens":7,"completion_tokens":1}}'

type Script = (response: ServerResponse) => unknown

interface ScriptedEngine {
  readonly url: string
  /** What came in, in order: `generate`, `abort <rid>`, `gone` when the generate socket closed early. */
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

interface Stage {
  readonly attempt: Attempt
  /** What the sink heard. */
  readonly heard: string[]
  readonly prefill: ScriptedEngine
  readonly decode: ScriptedEngine
  inFlight(): number[]
  /** Slots of the engines that were sent nothing. */
  readonly unsent: readonly number[]
  /** What the journal says is open; taken out of it. */
  left(): OpenLegs[]
}

interface Play {
  readonly prefill: Script
  readonly decode: Script
  readonly isStream?: boolean
  readonly mergesPrefill?: boolean
  readonly isBatch?: boolean
  /** One prompt unless given. */
  readonly rids?: readonly string[]
  readonly config?: ConfigInput
}

async function stage(t: TestContext, play: Play): Promise<Stage> {
  const config = configSchema.parse(play.config ?? {})
  const upstreams = new Upstreams(config)
  const aborts = new AbortCalls(upstreams)
  t.after(() => {
    aborts.close()
    upstreams.destroy()
  })
  const shared = createSharedMemory(2, 1)
  const slots = new EngineSlots(shared)
  const [prefill, decode] = [await startEngine(t, play.prefill), await startEngine(t, play.decode)]
  const heard: string[] = []
  const unsent: number[] = []
  const engines = [
    engineOf({ slot: 0, role: 'prefill', url: prefill.url }),
    engineOf({ slot: 1, role: 'decode', url: decode.url }),
  ] as const
  const plan = {
    path: '/generate',
    isStream: play.isStream ?? true,
    mergesPrefill: play.mergesPrefill ?? false,
    isBatch: play.isBatch ?? false,
    prefill: engines[0],
    decode: engines[1],
    exchangeId: 7,
    rids: play.rids ?? [RID],
    headers: ['content-type', 'application/json'],
    timers: readTimers([], config.timeouts).timers,
    body: Buffer.from('{}'),
    isFresh: false,
    leases: { prefill: heldLease(slots, 0, engines[0]), decode: heldLease(slots, 0, engines[1]) },
  } as const
  const sink = {
    answered: (_: unknown, body: Uint8Array) => heard.push(`answered ${Buffer.from(body).toString()}`),
    started: () => heard.push('started'),
    bytes: (bytes: Uint8Array) => heard.push(Buffer.from(bytes).toString()),
    ended: () => heard.push('ended'),
    failed: (failure: { cause: string; error: { leg?: string | undefined } }) =>
      heard.push(`failed: ${failure.cause} of ${failure.error.leg}`),
    promptFailed: (failure: { cause: string }) => heard.push(`a prompt: ${failure.cause}`),
    broke: (failure: { cause: string }) => heard.push(`broke: ${failure.cause}`),
  }
  const attempt = new Attempt(plan, sink, {
    config,
    upstreams,
    aborts,
    journal: new LegJournal(shared, 0),
    observer: { legUnsent: ({ slot }) => unsent.push(slot) },
  })
  return {
    attempt,
    heard,
    unsent,
    prefill,
    decode,
    inFlight: () => [slots.inFlight(0), slots.inFlight(1)],
    left: () => takeLeftLegs(shared, 0),
  }
}

const silent: Script = () => undefined
const whole: Script = response => response.writeHead(200, { 'content-type': 'application/json' }).end(WHOLE)
/** A head and a part of its body, then nothing. */
const half: Script = response =>
  response.writeHead(200, { 'content-length': WHOLE.length }).write(WHOLE.slice(0, 9))
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

function isOver({ heard }: Stage): boolean {
  return /^(?:answered|ended|failed|broke)/.test(heard.at(-1) ?? '')
}

suite('Attempt', () => {
  test('counts both legs before the first byte leaves, and each until its end', async t => {
    const scene = await stage(t, { prefill: whole, decode: stream })
    scene.attempt.start()
    assert.deepEqual(scene.inFlight(), [1, 1])
    await until(() => isOver(scene))
    assert.deepEqual(scene.left(), [])
    assert.equal(scene.heard.join(''), `started${TOKEN}${DONE}ended`)
    assert.deepEqual(scene.inFlight(), [0, 0])
    assert.deepEqual(scene.unsent, [])
  })

  test('counts legs as unsent that are taken back before there is a connection', async t => {
    const scene = await stage(t, { prefill: whole, decode: stream })
    scene.attempt.start()
    scene.attempt.abort()
    assert.deepEqual(scene.unsent, [0, 1])
    assert.deepEqual(scene.inFlight(), [0, 0])
  })

  test('answers with the whole body once both legs agree', async t => {
    const scene = await stage(t, { prefill: whole, decode: whole, isStream: false })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, [`answered ${WHOLE}`])
    assert.deepEqual(scene.inFlight(), [0, 0])
  })

  for (const [what, prefill, decode, leg] of [
    ['a silent decode when prefill refuses', refuse, silent, 'prefill'],
    ['a silent prefill when decode refuses', silent, refuse, 'decode'],
  ] as const)
    test(`aborts ${what}, at its engine and on its socket`, async t => {
      const scene = await stage(t, { prefill, decode })
      scene.attempt.start()
      await until(() => isOver(scene))
      assert.deepEqual(scene.heard, [`failed: status of ${leg}`])
      const other = leg === 'prefill' ? scene.decode : scene.prefill
      await until(() => other.seen.includes('gone') && other.seen.includes(`abort ${RID}`))
      assert.deepEqual(scene.inFlight(), [0, 0])
      assert.deepEqual(scene.unsent, [])
    })

  test('believes a late error status of prefill without a body, not the complete answer of decode', async t => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>()
    // Longer than the test: it is the status that ends the wait.
    const config = { upstream: { prefillGraceMs: 60_000 } }
    const scene = await stage(t, { prefill: resolve, decode: whole, isStream: false, config })
    scene.attempt.start()
    const response = await asked
    await until(() => scene.inFlight()[1] === 0, "decode's answer is there")
    assert.deepEqual(scene.heard, [])
    response.writeHead(500).flushHeaders()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['failed: status of prefill'])
  })

  test('tells both engines when the client is gone, and its sink nothing more', async t => {
    const scene = await stage(t, { prefill: silent, decode: streamOf(TOKEN) })
    scene.attempt.start()
    await until(() => scene.heard.length === 2)
    assert.deepEqual(scene.left(), [{ exchangeId: 7, prefillSlot: 0, decodeSlot: 1, rid: RID }])
    scene.attempt.abort()
    assert.deepEqual(scene.inFlight(), [0, 0])
    const engines = [scene.prefill, scene.decode]
    await until(() => engines.every(({ seen }) => seen.includes('gone') && seen.includes(`abort ${RID}`)))
    assert.deepEqual(scene.heard, ['started', TOKEN])
  })

  test('breaks a stream that stalls after its first token', async t => {
    const config = { timeouts: { idleMs: 50 } }
    const scene = await stage(t, { prefill: whole, decode: streamOf(TOKEN), config })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['started', TOKEN, 'broke: stalled'])
    assert.deepEqual(scene.inFlight(), [0, 0])
  })

  test('fails when no token comes in time', async t => {
    const config = { timeouts: { firstTokenMs: 50 } }
    const scene = await stage(t, { prefill: whole, decode: silent, config })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['failed: stalled of decode'])
    await until(() => scene.decode.seen.includes(`abort ${RID}`))
  })

  test('breaks a stream whose event does not end, and stops both engines', async t => {
    const config = { limits: { eventBytes: 4096 } }
    const decode = streamOf(TOKEN, `data: {"text":"${'a'.repeat(8192)}`)
    const scene = await stage(t, { prefill: whole, decode, config })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['started', TOKEN, 'broke: protocol'])
    await until(() => scene.decode.seen.includes('gone') && scene.decode.seen.includes(`abort ${RID}`))
    assert.deepEqual(scene.inFlight(), [0, 0])
  })

  test('fails when an event without an end comes before a token', async t => {
    const config = { limits: { peekBytes: 4096 } }
    const decode = streamOf(`data: {"text":"${'a'.repeat(8192)}`)
    const scene = await stage(t, { prefill: whole, decode, config })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['failed: protocol of decode'])
  })

  test('holds all tokens that come before the prefill answer that is merged into them', async t => {
    const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>()
    const config = { limits: { peekBytes: 1024 } }
    const long = TOKEN.repeat(100)
    const decode: Script = response => {
      streamOf(long, DONE)(response)
      response.end()
    }
    const scene = await stage(t, { prefill: resolve, decode, mergesPrefill: true, config })
    scene.attempt.start()
    const response = await asked
    await until(() => scene.inFlight()[1] === 0)
    assert.deepEqual(scene.heard, [])
    whole(response)
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['started', long + DONE, 'ended'])
  })

  test('fails when a whole answer stalls after its head', async t => {
    const config = { timeouts: { idleMs: 50 } }
    const scene = await stage(t, { prefill: whole, decode: half, isStream: false, config })
    scene.attempt.start()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['failed: stalled of decode'])
    assert.deepEqual(scene.inFlight(), [0, 0])
  })

  for (const [what, isBatch, heard] of [
    [
      'goes on when an engine aborts one prompt of a batch',
      true,
      ['a prompt: abort', ABORT + LAST + DONE, 'ended'],
    ],
    ['breaks when an engine aborts its only prompt', false, ['', 'broke: abort']],
  ] as const)
    test(what, async t => {
      const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
      const decode: Script = response => {
        streamOf(TOKEN)(response)
        resolve(response)
      }
      const scene = await stage(t, { prefill: whole, decode, isBatch })
      scene.attempt.start()
      const response = await sent
      await until(() => scene.heard.length === 2)
      response.end(ABORT + LAST + DONE)
      await until(() => isOver(scene))
      assert.deepEqual(scene.heard, ['started', TOKEN, ...heard])
      assert.deepEqual(scene.inFlight(), [0, 0])
    })

  for (const [what, decode, abortDeferMs, isDeferred] of [
    ['lets prefill go on for a while when decode has failed a batch', refuse, 500, true],
    // Shorter than `until` waits, so that the time tells, and far longer than an abort takes.
    ['does not wait for prefill when decode has refused a batch', busy, 20_000, false],
  ] as const)
    test(what, async t => {
      const config = { upstream: { abortDeferMs } }
      const scene = await stage(t, { prefill: silent, decode, rids: [RID, `${RID}_1`], config })
      const startMs = performance.now()
      scene.attempt.start()
      await until(() => isOver(scene))
      assert.deepEqual(scene.inFlight(), [0, 0])
      await until(() => scene.prefill.seen.includes('gone'))
      const tookMs = performance.now() - startMs
      assert.equal(tookMs >= abortDeferMs, isDeferred, `${tookMs} ms`)
      await until(() => scene.prefill.seen.includes(`abort ${RID}`))
    })

  test('breaks a stream whose connection breaks after its first token', async t => {
    const { promise: sent, resolve } = Promise.withResolvers<ServerResponse>()
    const decode: Script = response => {
      streamOf(TOKEN)(response)
      resolve(response)
    }
    const scene = await stage(t, { prefill: whole, decode })
    scene.attempt.start()
    const response = await sent
    await until(() => scene.heard.length === 2)
    response.destroy()
    await until(() => isOver(scene))
    assert.deepEqual(scene.heard, ['started', TOKEN, 'broke: transport'])
    assert.deepEqual(scene.inFlight(), [0, 0])
  })
})
