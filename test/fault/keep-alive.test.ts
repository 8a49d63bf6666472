/**
 * Requests that arrive just when engines close their idle connections without notice, as uvicorn does.
 *
 * Times are a hundredth of those in production: engines close after 50 ms instead of 5 s, and clients pause for 49 to 51
 * ms. Retries are off, so only the free attempt after a stale connection saves a request.
 */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { suite, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { configSchema } from '../../src/config/config.ts'
import type { Leg } from '../../src/core/errors.ts'
import { seededRandom } from '../../src/core/random.ts'
import { startGateway } from '../../src/gateway.ts'
import { listen } from '../support/listen.ts'
import { at } from '../support/sse.ts'
import { sendRequest } from './send-request.ts'
import { type Shape, soundPayload } from './sound-responses.ts'

const ENGINE_IDLE_MS = 50
const CLIENTS = 100
const READY_LIMIT_MS = 30_000
const UNARY: Shape = { endpoint: 'generate', isStream: false }

interface KeepingEngine {
  readonly url: string
  /** The rid and the room of each generation request. */
  readonly seen: string[]
  /** Connections accepted. */
  sockets: number
}

async function keepingEngine(t: TestContext, leg: Leg): Promise<KeepingEngine> {
  const server = createServer((request, response) => void respond(leg, engine, request, response))
  server.keepAliveTimeout = ENGINE_IDLE_MS
  server.keepAliveTimeoutBuffer = 0
  server.on('connection', () => engine.sockets++)
  const port = await listen(server)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const engine: KeepingEngine = { url: `http://127.0.0.1:${port}`, seen: [], sockets: 0 }
  return engine
}

async function respond(
  leg: Leg,
  engine: KeepingEngine,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request)
  // Set by hand, because Node would announce its idle time to the client, which uvicorn does not.
  response.setHeader('connection', 'keep-alive').setHeader('content-type', 'application/json')
  if (request.url !== '/generate') return void response.end('{}')
  const asked: unknown = JSON.parse(body)
  engine.seen.push(`${String(at(asked, 'rid'))} ${String(at(asked, 'bootstrap_room'))}`)
  response.end(soundPayload(leg, UNARY, 'a'))
}

async function openPair(t: TestContext, keepAliveMs: number) {
  const [prefill, decode] = [await keepingEngine(t, 'prefill'), await keepingEngine(t, 'decode')]
  const gateway = await startGateway(
    configSchema.parse({
      server: { host: '127.0.0.1', port: 0, workers: 1 },
      admin: { host: '127.0.0.1', port: 0 },
      engines: { prefill: [{ url: prefill.url }], decode: [{ url: decode.url }] },
      upstream: { keepAliveMs },
      retry: { maxRetries: 0 },
      health: { intervalSecs: 600 },
      log: { level: 'error' },
    }),
  )
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(READY_LIMIT_MS))
  return { origin: `http://127.0.0.1:${gateway.port}`, prefill, decode, gateway }
}

async function sawtooth(origin: string, cycles: number): Promise<void> {
  const expected = soundPayload('decode', UNARY, 'a')
  const client = async (number: number): Promise<void> => {
    const random = seededRandom(number)
    for (let cycle = 0; cycle < cycles; cycle++) {
      const id = `keep-alive-${number}-${cycle}`
      const response = await sendRequest(origin, { id, model: 'default', shape: UNARY })
      assert.equal(await response.text(), expected, id)
      await pause(ENGINE_IDLE_MS - 1 + 2 * random())
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)))
}

suite('requests at the moment at which engines close idle connections', () => {
  for (const [what, keepAliveMs, cycles] of [
    ['that the gateway has closed before', 30, 20],
    ['that the gateway still keeps open', 10 * ENGINE_IDLE_MS, 80],
  ] as const)
    test(`${what}: ${CLIENTS * cycles} cycles without an error`, async t => {
      const { origin, prefill, decode, gateway } = await openPair(t, keepAliveMs)
      await sawtooth(origin, cycles)
      const extra = decode.seen.length - CLIENTS * cycles
      t.diagnostic(`${decode.sockets} connections to decode, ${extra} extra requests`)
      for (const { seen } of [prefill, decode]) assert.equal(new Set(seen).size, seen.length)
      // A leg is never sent again alone: both engines have seen the same rid and room for each good attempt.
      const both = new Set(prefill.seen)
      assert.ok(decode.seen.filter(name => both.has(name)).length >= CLIENTS * cycles)
      assert.equal(gateway.legsInFlight(), 0)
    })
})
