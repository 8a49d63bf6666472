/**
 * Entry of an engine, `node main.ts ROLE`, that answers as the query of a request asks, and reads and drops its body. The
 * gateway passes the query on, so that a client can choose the size of its answer. It has room for all requests of the
 * bench, so that what honest clients wait for is the gateway.
 *
 *   answer-bytes=N   a whole answer of about N bytes
 *   stream-bytes=N   a stream of about N bytes, as fast as it is read
 *   neither          a stream of twenty tokens, one every 20 ms
 *
 * Prints its port. Ends with its parent.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Role = 'prefill' | 'decode'

const TOKENS = 20
const INTERVAL_MS = 20
const LARGE_EVENT_BYTES = 16_384
const META = { id: 'x', prompt_tokens: 7, completion_tokens: 8, finish_reason: null }
const DONE = 'data: [DONE]\n\n'

const MAX_RUNNING = 65_536
/** Connections that the kernel keeps until they are accepted, as uvicorn has it, which SGLang and vLLM use. */
const BACKLOG = 2048

const wholes = new Map<number, Buffer>()

const port = await openEngine(process.argv[2] === 'prefill' ? 'prefill' : 'decode')
process.stdout.write(`${port}\n`)

function openEngine(role: Role): Promise<number> {
  const server: Server = createServer((request, response) => {
    request.resume()
    request.on('end', () => answer(role, request, response))
  })
  return new Promise(resolve => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a TCP server has a port
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function answer(role: Role, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://engine')
  const answerBytes = Number(url.searchParams.get('answer-bytes') ?? 0)
  const streamBytes = Number(url.searchParams.get('stream-bytes') ?? 0)
  if (request.method !== 'POST' || url.pathname === '/abort_request') return sendInfo(role, url, response)
  if (answerBytes > 0) return sendWhole(response, role === 'decode' ? answerBytes : 1)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  if (role === 'prefill') response.end(eventOf('x') + DONE)
  else if (streamBytes > 0) sendLargeStream(response, streamBytes)
  else sendTokens(response, TOKENS)
}

function sendWhole(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(wholeOf(bytes))
}

function wholeOf(bytes: number): Buffer {
  const meta = { ...META, finish_reason: { type: 'stop' } }
  const whole = wholes.get(bytes) ?? Buffer.from(JSON.stringify({ text: 'x'.repeat(bytes), meta_info: meta }))
  wholes.set(bytes, whole)
  return whole
}

function sendTokens(response: ServerResponse, left: number): void {
  if (left === 0) return void response.end(DONE)
  response.write(eventOf('word '))
  setTimeout(() => sendTokens(response, left - 1), INTERVAL_MS)
}

function sendLargeStream(response: ServerResponse, leftBytes: number): void {
  if (response.destroyed) return
  if (leftBytes <= 0) return void response.end(DONE)
  const goOn = (): void => sendLargeStream(response, leftBytes - LARGE_EVENT_BYTES)
  if (response.write(eventOf('x'.repeat(LARGE_EVENT_BYTES)))) setImmediate(goOn)
  else response.once('drain', goOn)
}

function eventOf(text: string): string {
  return `data: ${JSON.stringify({ text, meta_info: META })}\n\n`
}

function sendInfo(role: Role, { pathname }: URL, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json')
  if (pathname === '/v1/models')
    return void response.end('{"object":"list","data":[{"id":"m","object":"model"}]}')
  response.end(
    JSON.stringify({
      disaggregation_mode: role,
      disaggregation_bootstrap_port: 8998,
      max_running_requests: MAX_RUNNING,
      max_req_input_len: 1_000_000_000,
      incremental_streaming_output: true,
      status: 'ready',
    }),
  )
}
