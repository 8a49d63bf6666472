/** The load generator against faulty servers: each fault is a failure of its own kind, and a correct response is none. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { requestTarget } from '../../../bench/command/target-request.ts'
import { Generator } from '../../../bench/load/generator/generator.ts'
import { type PlanInput, planSchema } from '../../../bench/load/plan/plan.ts'
import type { RequestRecord } from '../../../bench/load/records/record.ts'
import { resetSocket } from '../../../src/simulator/http/reset-socket.ts'
import { scriptFor } from '../../../src/simulator/sequence/output-script.ts'
import { type Lie, openLyingServer, responseText } from '../../support/lying-server.ts'
import { at } from '../../support/sse.ts'
import { until } from '../../support/until.ts'

const TOKENS = 6

function planOf(url: string, change: Partial<PlanInput> = {}) {
  return planSchema.parse({
    url,
    isStream: true,
    requests: 3,
    arrivals: { kind: 'closed', concurrency: 2 },
    dataset: { kind: 'prompts', prompts: ['Say it'], minTokens: TOKENS, maxTokens: TOKENS },
    scriptSeed: 0,
    // Longer than this process itself may be kept from running.
    stallMs: 10_000,
    ...change,
  })
}

function modelsRequest(limitMs: number) {
  return { method: 'GET', path: '/v1/models', interrupt: new AbortController().signal, limitMs } as const
}

async function urlOf(t: TestContext, server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${String(at(server.address(), 'port'))}`
}

async function recordsOf(plan: ReturnType<typeof planOf>): Promise<readonly RequestRecord[]> {
  return (await takenOf(plan)).records
}

async function takenOf(plan: ReturnType<typeof planOf>): Promise<ReturnType<Generator['take']>> {
  const generator = new Generator(plan, { process: 0, processes: 1 }, [])
  await generator.run(performance.timeOrigin + performance.now())
  return generator.take()
}

/** The tokens that the simulated engine would send for a chat request. */
function tokensFor(body: unknown): string[] {
  return scriptFor(String(at(body, 'messages', 0, 'content')), 0, TOKENS).pieces.filter(piece => piece !== '')
}

function chunk(content: string | null, finish: string | null = null): string {
  const choice = { index: 0, delta: { content }, finish_reason: finish }
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [choice] })}\n\n`
}

function streamText(tokens: readonly string[], end = `${chunk(null, 'length')}data: [DONE]\n\n`): string {
  return responseText(
    200,
    'text/event-stream',
    `${chunk('')}${tokens.map(token => chunk(token)).join('')}${end}`,
  )
}

const TRUTH: Lie = (socket, body) => socket.write(streamText(tokensFor(body)))

const IN_CAPITALS: Lie = (socket, body) =>
  socket.write(streamText(tokensFor(body)).replace('text/event-stream', 'Text/Event-Stream;charset=utf-8'))

test('the content type of an event stream is case-insensitive', async t => {
  const { records } = await takenOf(planOf(await openLyingServer(t, IN_CAPITALS)))
  assert.ok(records.every(({ outcome, firstTokenMs }) => outcome === 'ok' && firstTokenMs !== undefined))
})

test('a correct response is ok, and its tokens and times are recorded', async t => {
  const { records, tokensBySecond } = await takenOf(planOf(await openLyingServer(t, TRUTH)))
  assert.equal(records.length, 3)
  const counted = tokensBySecond.reduce((sum, [, tokens]) => sum + tokens, 0)
  assert.equal(
    counted,
    records.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
  )
  for (const record of records) {
    assert.equal(record.outcome, 'ok', JSON.stringify(record.failure))
    assert.ok(record.outputTokens > 0)
    const { scheduledMs, sentMs, headMs = -1, firstTokenMs = -1, lastTokenMs = -1, endMs } = record
    const times = [scheduledMs, sentMs, headMs, firstTokenMs, lastTokenMs, endMs]
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
  }
})

const ERROR = `data: ${JSON.stringify({ error: { message: 'no', type: 'x', code: 500 } })}\n\ndata: [DONE]\n\n`
const ABORT = `${chunk(null, 'abort')}data: [DONE]\n\n`

const FAULTS: Record<string, readonly [string, Lie]> = {
  'omits a token': ['missing', (socket, body) => socket.write(streamText(tokensFor(body).slice(0, -1)))],
  'repeats a token': [
    'duplicate',
    (socket, body) => socket.write(streamText([...tokensFor(body), tokensFor(body).at(-1) ?? ''])),
  ],
  'changes a token': ['altered', (socket, body) => socket.write(streamText(tokensFor(body).with(1, ' xyz')))],
  'sends another finish reason': [
    'altered',
    (socket, body) => socket.write(streamText(tokensFor(body), `${chunk(null, 'stop')}data: [DONE]\n\n`)),
  ],
  'sends an error with status 200': ['error-in-200', socket => socket.write(streamText([], ERROR))],
  'aborts with status 200': ['aborted', socket => socket.write(streamText([], ABORT))],
  'omits [DONE]': [
    'truncated',
    (socket, body) => socket.write(streamText(tokensFor(body), chunk(null, 'length'))),
  ],
  'closes inside a stream': [
    'truncated',
    (socket, body) => socket.end(streamText(tokensFor(body)).slice(0, -20)),
  ],
  'closes the connection before the head': ['reset', socket => socket.end()],
  'resets before the head': ['reset', socket => resetSocket(socket)],
  'sends events that are not JSON': ['malformed', socket => socket.write(streamText([], 'data: {nope\n\n'))],
  'continues after [DONE]': [
    'malformed',
    (socket, body) =>
      socket.write(streamText(tokensFor(body), `${chunk(null, 'length')}data: [DONE]\n\n${chunk('x')}`)),
  ],
  'does not speak HTTP': ['malformed', socket => socket.write('hello\r\n\r\n')],
  'responds with an error status': [
    'status',
    socket => socket.write(responseText(500, 'application/json', '{}')),
  ],
  'stops sending': ['stall', (socket, body) => socket.write(streamText(tokensFor(body)).slice(0, -20))],
  'never responds': ['stall', () => undefined],
}

for (const [name, [kind, lie]] of Object.entries(FAULTS)) {
  test(`a server that ${name} causes the failure ${kind}`, async t => {
    const stall = kind === 'stall' ? { stallMs: 300 } : {}
    const records = await recordsOf(planOf(await openLyingServer(t, lie), { requests: 1, ...stall }))
    assert.deepEqual(
      records.map(({ outcome, failure }) => [outcome, failure?.kind]),
      [['failed', kind]],
    )
  })
}

const BREAK_OFF: Lie = (socket, body) => {
  const text = streamText(tokensFor(body).slice(0, 1), ERROR.split('data: [DONE]')[0])
  socket.end(text.replace(/0\r\n\r\n$/, ''))
}

test('a stream that breaks off after an error event fails with the message of the event', async t => {
  const [record] = await recordsOf(planOf(await openLyingServer(t, BREAK_OFF), { requests: 1 }))
  assert.match(record?.failure?.detail ?? '', /"message":"no"/)
})

test('a response that never ends is a timeout', async t => {
  const url = await openLyingServer(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n')
    const timer = setInterval(() => socket.write(chunk('')), 20)
    socket.once('close', () => clearInterval(timer))
  })
  const [record] = await recordsOf(planOf(url, { requests: 1, timeoutMs: 300 }))
  assert.equal(record?.failure?.kind, 'timeout')
})

test('a refused connection is the failure connect', async () => {
  const [record] = await recordsOf(planOf('http://127.0.0.1:1', { requests: 1 }))
  assert.equal(record?.failure?.kind, 'connect')
})

test('a closed loop pauses after refused connections, and still ends on time', async () => {
  const records = await recordsOf(planOf('http://127.0.0.1:1', { requests: 1_000_000, durationMs: 250 }))
  // Two clients, each free again after 100 ms: at 0, 100 and 200 ms.
  assert.ok(records.length >= 2 && records.length <= 6, `${records.length} requests`)
})

test("the path of the target's URL is prepended to the API path", async t => {
  const paths: (string | undefined)[] = []
  const url = await urlOf(
    t,
    createHttpServer((request, response) => {
      paths.push(request.url)
      request.resume()
      response.writeHead(404).end()
    }),
  )
  await recordsOf(planOf(`${url}/a/b/`, { requests: 1, endpoint: 'generate' }))
  assert.deepEqual(await requestTarget(`${url}/a/b`, modelsRequest(5000)), { status: 404, body: '' })
  assert.deepEqual(paths, ['/a/b/generate', '/a/b/v1/models'])
})

test('a target that does not respond, or not with HTTP, is described in the error', async t => {
  const sockets: Socket[] = []
  const silent = await urlOf(
    t,
    createServer(socket => void sockets.push(socket)),
  )
  const message = 'no response to GET /v1/models within 0.02 s'
  await assert.rejects(requestTarget(silent, modelsRequest(20)), { message })
  for (const socket of sockets) socket.destroy()
  const other = await urlOf(
    t,
    createServer(socket => socket.end('SSH-2.0-x\r\n')),
  )
  await assert.rejects(requestTarget(other, modelsRequest(5000)), /is not HTTP \(HPE_/)
})

test('a refusal is not a failure, but its form is checked', async t => {
  const good = responseText(
    429,
    'application/json',
    '{"error":{"message":"full","type":"x","code":"y"}}',
    'retry-after: 1\r\n',
  )
  const url = await openLyingServer(t, (socket, body) =>
    socket.write(
      String(at(body, 'messages', 0, 'content')).includes('(1)') ? responseText(503, 'text/plain', '') : good,
    ),
  )
  const records = (await recordsOf(planOf(url))).toSorted((a, b) => a.index - b.index)
  assert.deepEqual(
    records.map(({ outcome, status, badRefusal }) => [outcome, status, badRefusal]),
    [
      ['refused', 429, undefined],
      ['refused', 503, 'no retry-after'],
      ['refused', 429, undefined],
    ],
  )
})

test('a client that leaves closes its connection and counts neither as correct nor as failed', async t => {
  let closed = 0
  const url = await openLyingServer(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n')
    socket.once('close', () => closed++)
  })
  const records = await recordsOf(planOf(url, { leaveShare: 1, leaveWithinMs: 50, stallMs: 10_000 }))
  assert.deepEqual(
    records.map(({ outcome }) => outcome),
    ['left', 'left', 'left'],
  )
  await until(() => closed === 3)
})

test('a keep-alive connection is reused, a connection per request is not', async t => {
  const sockets = new Set<object>()
  const url = await openLyingServer(t, (socket, body) => {
    sockets.add(socket)
    TRUTH(socket, body)
  })
  const arrivals = { kind: 'closed', concurrency: 1 } as const
  await recordsOf(planOf(url, { arrivals, requests: 5 }))
  assert.equal(sockets.size, 1)
  await recordsOf(planOf(url, { arrivals, requests: 5, connection: 'per-request' }))
  assert.equal(sockets.size, 6)
})

test('an open loop does not wait for responses, and one with a limit keeps to it', async t => {
  /** The server responds to no request before this many are open. */
  let batchSize = 20
  const held: (() => void)[] = []
  const url = await openLyingServer(t, (socket, body) => {
    held.push(() => TRUTH(socket, body))
    if (held.length === batchSize) for (const respond of held.splice(0)) respond()
  })
  const all = await recordsOf(planOf(url, { requests: 20, arrivals: { kind: 'open' } }))
  assert.deepEqual([all.length, peakOpen(all)], [20, 20])
  batchSize = 5
  const limited = await recordsOf(
    planOf(url, { requests: 20, arrivals: { kind: 'open', maxConcurrency: 5 } }),
  )
  assert.deepEqual([limited.length, peakOpen(limited)], [20, 5])
  assert.ok([...all, ...limited].every(({ outcome }) => outcome === 'ok'))
})

/** Peak number of open requests, by the generator's times. One that ends as another is sent is not open then. */
function peakOpen(records: readonly RequestRecord[]): number {
  const openAt = (ms: number): number =>
    records.filter(({ sentMs, endMs }) => sentMs <= ms && ms < endMs).length
  return Math.max(...records.map(({ sentMs }) => openAt(sentMs)))
}

test('requests that are open when the run is stopped are reported as unfinished', async t => {
  let asked = 0
  const url = await openLyingServer(t, () => void asked++)
  const generator = new Generator(planOf(url, { stallMs: 60_000 }), { process: 0, processes: 1 }, [])
  const ended = generator.run(performance.timeOrigin + performance.now())
  await until(() => asked === 2)
  generator.stop()
  await ended
  const { records, unfinished } = generator.take()
  assert.deepEqual([records.length, unfinished.length, generator.inFlight], [0, 2, 0])
  for (const { sentMs, endMs } of unfinished) assert.ok(sentMs >= 0 && endMs >= sentMs)
})

test('connections use the given source addresses in rotation', async t => {
  const remotes: (string | undefined)[] = []
  const url = await openLyingServer(t, (socket, body) => {
    remotes.push(socket.remoteAddress)
    TRUTH(socket, body)
  })
  const plan = planOf(url, { requests: 6, connection: 'per-request' })
  const generator = new Generator(plan, { process: 0, processes: 1 }, ['127.0.7.1', '127.0.7.2'])
  await generator.run(performance.timeOrigin + performance.now())
  const countOf = (address: string) => remotes.filter(remote => remote === address).length
  assert.deepEqual([countOf('127.0.7.1'), countOf('127.0.7.2')], [3, 3])
})
