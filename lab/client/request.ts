/**
 * One HTTP request of a lab and everything that came back. Each request has a connection of its own, so that what is
 * compared does not depend on what went before. A failure is part of the result, not an exception.
 */
import { type IncomingMessage, request } from 'node:http'
import { errorCode, messageOf } from '../../src/core/text/error-text.ts'

export interface LabRequest {
  readonly url: string
  /** `POST` by default. */
  readonly method?: string
  /** JSON value, or the bytes of a body that is meant not to be JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Closes the connection when it returns true; called with the body so far whenever some of it arrives. */
  readonly leaveWhen?: (body: string) => boolean
  /** Closes the connection. */
  readonly signal?: AbortSignal
  /** Time limit in milliseconds; 60 s by default. */
  readonly limitMs?: number
}

export interface Answer {
  /** 0 if no head has arrived. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** `complete`: the message has ended as HTTP says. `left`: we closed it. Otherwise the failure. */
  readonly end: string
  readonly seconds: number
}

const LIMIT_MS = 60_000

export async function send(wanted: LabRequest): Promise<Answer> {
  const startMs = performance.now()
  const received: Received = { status: 0, headers: {}, chunks: [] }
  const limit = AbortSignal.timeout(wanted.limitMs ?? LIMIT_MS)
  const end = await exchange(wanted, received, limit)
  const { status, headers, chunks } = received
  const seconds = (performance.now() - startMs) / 1000
  return { status, headers, body: Buffer.concat(chunks).toString(), end, seconds }
}

interface Received {
  status: number
  headers: Record<string, string>
  readonly chunks: Buffer[]
}

async function exchange(wanted: LabRequest, received: Received, limit: AbortSignal): Promise<string> {
  const left = new AbortController()
  const leaving = wanted.signal === undefined ? [left.signal] : [left.signal, wanted.signal]
  try {
    const response = await responseTo(wanted, AbortSignal.any([limit, ...leaving]))
    await receive(response, received, () => {
      // Joining the chunks of a long stream each time would take longer than the stream.
      if (wanted.leaveWhen?.(Buffer.concat(received.chunks).toString()) === true) left.abort()
    })
    return response.complete ? 'complete' : 'cut off'
  } catch (error) {
    if (limit.aborted) return 'timed out'
    return leaving.some(({ aborted }) => aborted) ? 'left' : errorCode(error) || messageOf(error)
  }
}

async function receive(response: IncomingMessage, received: Received, onChunk: () => void): Promise<void> {
  received.status = response.statusCode ?? 0
  for (const [name, value] of Object.entries(response.headers)) received.headers[name] = String(value)
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) continue
    received.chunks.push(chunk)
    onChunk()
  }
}

function responseTo(
  { url, method = 'POST', headers = {}, body }: LabRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const bytes =
    body instanceof Uint8Array ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body))
  const type =
    bytes.length === 0 ? {} : { 'content-type': 'application/json', 'content-length': bytes.length }
  const outgoing = request(url, { method, agent: false, headers: { ...type, ...headers }, signal })
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
    outgoing.end(bytes)
  })
}
