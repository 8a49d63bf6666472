/** The HTTP side of the admin listener: reads requests, bounds their bodies, writes answers. What they mean is for the routes. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { readText } from '../control/read-text.ts'
import { type LocalResponse, toErrorResponse } from '../core/error-response.ts'
import { GatewayError } from '../core/errors.ts'

export interface AdminRequest {
  readonly method: string
  /** Without the query, as the client wrote it. */
  readonly path: string
  readonly body: string
  /** From this machine. */
  readonly isLocal: boolean
}

export type AdminAnswer = LocalResponse

export interface AdminHandler {
  /** @throws GatewayError, which becomes the answer. */
  handle(request: AdminRequest): AdminAnswer
}

export interface AdminServer {
  readonly port: number
  /** Cuts what is open. */
  close(): Promise<void>
}

const BODY_BYTES = 65_536
const REQUEST_TIMEOUT_MS = 10_000

/** @throws Error that names the address when it cannot be had. */
export async function listenAdmin(handler: AdminHandler, host: string, port: number): Promise<AdminServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(handler, request).then(
      reply => write(response, request, reply),
      () => response.destroy(),
    )
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the admin listener cannot have its port (--prometheus-port): ${why}`, { cause })
  }
  const address = server.address()
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, close }
}

async function answer(handler: AdminHandler, request: IncomingMessage): Promise<AdminAnswer> {
  try {
    const body = await readText(request, BODY_BYTES, tooLarge)
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const isLocal = isLoopback(request.socket.remoteAddress ?? '')
    return handler.handle({ method: request.method ?? 'GET', path, body, isLocal })
  } catch (error) {
    return toErrorResponse(
      error instanceof GatewayError ? error : new GatewayError('internal', 'internal error'),
    )
  }
}

function tooLarge(): GatewayError {
  return new GatewayError('body-too-large', `the body is larger than ${BODY_BYTES} bytes`)
}

function write(response: ServerResponse, request: IncomingMessage, reply: AdminAnswer): void {
  const { status, headers, body } = reply
  response.writeHead(status, [...headers, 'content-length', String(body.length), 'cache-control', 'no-store'])
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether the peer is on this machine. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}
