/** HTTP server of the admin listener: reads bounded requests and writes responses. The routes are in `admin-routes.ts`. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { GatewayError } from '../core/errors.ts'
import { messageOf } from '../core/text/error-text.ts'
import { readText } from '../core/text/read-text.ts'
import { type LocalResponse, toErrorResponse } from '../error-response/error-response.ts'
import { type ConnectionCap, capConnections } from './connection-cap.ts'
import { Turns } from './turns.ts'

export interface AdminRequest {
  readonly method: string
  /** Path as the client sent it, without the query. */
  readonly path: string
  readonly body: string
  /** Value of a header by its lower-case name. */
  readonly header: (name: string) => string | undefined
  /** Whether the client is on this machine. */
  readonly isLocal: boolean
}

export interface AdminHandler {
  /** @throws GatewayError, which is rendered as the response */
  handle(request: AdminRequest): LocalResponse
}

export interface AdminServer {
  readonly port: number
  /** Stops listening and closes all connections. */
  close(): Promise<void>
}

const BODY_BYTES = 65_536
/** From the first byte of a request to its last; a new connection has the same time for its first head. */
const REQUEST_TIMEOUT_MS = 10_000
const CHECK_INTERVAL_MS = 1000
/** For a client that reads nothing of its response. */
const STALL_MS = 30_000

export interface AdminAddress {
  readonly host: string
  /** 0 selects a free port. */
  readonly port: number
  /** For error messages: the flag that sets the port, and what is served. */
  readonly flag: string
  readonly what: string
}

/** @throws Error that names the address and its flags if the server cannot listen on it */
export async function listenAdmin(
  handler: AdminHandler,
  address: AdminAddress,
  cap: ConnectionCap,
): Promise<AdminServer> {
  const { host, port, flag, what } = address
  const turns = new Turns()
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS }
  const server = createServer({ ...timeouts, headersTimeout: REQUEST_TIMEOUT_MS })
  server.setTimeout(STALL_MS)
  // Before requests are served, because it closes connections instead.
  capConnections(server, cap)
  server.on('request', (request, response) => {
    if (request.socket.destroyed) return
    respond(handler, request, turns).then(
      result => write(response, request, result),
      () => response.destroy(),
    )
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const reason = messageOf(cause)
    throw new Error(`Cannot listen on ${host}:${port} for ${what} (--host, ${flag}): ${reason}`, { cause })
  }
  const bound = server.address()
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { port: typeof bound === 'object' ? (bound?.port ?? 0) : 0, close }
}

async function respond(
  handler: AdminHandler,
  request: IncomingMessage,
  turns: Turns,
): Promise<LocalResponse> {
  try {
    const body = await readText(request, BODY_BYTES, tooLarge)
    await turns.next()
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const isLocal = isLoopback(request.socket.remoteAddress ?? '')
    const header = (name: string): string | undefined => request.headers[name]?.toString()
    return handler.handle({ method: request.method ?? 'GET', path, header, body, isLocal })
  } catch (error) {
    return toErrorResponse(
      error instanceof GatewayError ? error : new GatewayError('internal', 'Internal error'),
    )
  }
}

function tooLarge(): GatewayError {
  return new GatewayError('body-too-large', `The request body is larger than ${BODY_BYTES} bytes`)
}

function write(response: ServerResponse, request: IncomingMessage, result: LocalResponse): void {
  const { status, headers, body } = result
  response.writeHead(status, [...headers, 'content-length', String(body.length), 'cache-control', 'no-store'])
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether an address belongs to the loopback interface. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}
