/** A client that reads nothing of a long stream: its engine is made to wait, and in the end both connections are closed. */
import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { configSchema } from '../../src/config/config.ts'
import { startGateway } from '../../src/gateway.ts'
import { listen } from '../support/listen.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
const STREAM_BYTES = 100 * MIB
const EVENT = `data: ${JSON.stringify({ text: 'x'.repeat(1000), meta_info: {} })}\n\n`
/** Kernel buffers of three sockets, plus what the gateway may hold. */
const HELD_BYTES = 40 * MIB
const STALL_MS = 2000

test('a client that reads nothing of 100 MiB blocks its engine, and is disconnected after the limit', async t => {
  const engine = await startEngine(t)
  const config = configSchema.parse({
    log: { level: 'error' },
    admin: { port: 0 },
    engines: { mode: 'mixed', mixed: [{ url: engine.url }] },
    server: { host: '127.0.0.1', port: 0, workers: 1 },
    limits: { clientStallMs: STALL_MS },
  })
  const gateway = await startGateway(config)
  t.after(() => gateway.close())
  assert.ok(await gateway.whenReady(20_000))
  const client = connect(gateway.port, '127.0.0.1')
  t.after(() => client.destroy())
  client.on('error', () => {})
  client.pause()
  const body = '{"text":"x","stream":true}'
  client.write(`POST /generate HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  await until(() => engine.isLeft())
  assert.ok(engine.hasWaited())
  assert.ok(engine.sentBytes() < HELD_BYTES, `the engine could send ${engine.sentBytes()} bytes`)
})

interface Engine {
  readonly url: string
  sentBytes(): number
  /** Whether the engine's socket has been full at any time. */
  hasWaited(): boolean
  isLeft(): boolean
}

/** An engine that sends as fast as its socket allows. */
async function startEngine(t: TestContext): Promise<Engine> {
  const state = { sentBytes: 0, hasWaited: false, isLeft: false }
  const server = createServer((request, response) => {
    request.resume()
    if (request.url === '/generate') return void stream(response, state)
    const isModels = request.url === '/v1/models'
    response.setHeader('content-type', 'application/json')
    response.end(isModels ? '{"object":"list","data":[{"id":"m"}]}' : '{}')
  })
  const port = await listen(server)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${port}`,
    sentBytes: () => state.sentBytes,
    hasWaited: () => state.hasWaited,
    isLeft: () => state.isLeft,
  }
}

async function stream(
  response: ServerResponse,
  state: { sentBytes: number; hasWaited: boolean; isLeft: boolean },
): Promise<void> {
  let goOn: ((value?: unknown) => void) | undefined
  response.on('drain', () => goOn?.())
  response.on('close', () => {
    state.isLeft = true
    goOn?.()
  })
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  while (state.sentBytes < STREAM_BYTES && !state.isLeft) {
    state.sentBytes += EVENT.length
    if (response.write(EVENT)) continue
    const next = new Promise(resolve => (goOn = resolve))
    state.hasWaited = true
    await next
  }
  response.end('data: [DONE]\n\n')
}
