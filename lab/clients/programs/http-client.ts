/** One request through Node's own HTTP client, with what a user of a stream notices: reads, and how the response ends. */
import { type Agent, type ClientRequest, type IncomingMessage, request as startRequest } from 'node:http'

export interface Seen {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Number of reads that the body took. */
  readonly reads: number
  /** Whether the body ended as HTTP requires. */
  readonly isComplete: boolean
  /** Whether the request went over a connection that an earlier one had used. */
  readonly isReused: boolean
}

export interface Call {
  readonly url: string
  readonly body: object
  readonly agent?: Agent
  readonly headers?: Record<string, string>
  /** Called at each read. */
  readonly onRead?: (text: string) => void
}

/** Resolves when the response has ended, cleanly or not. @throws Error if there is no response. */
export async function post(call: Call): Promise<Seen> {
  const request = send(call)
  const response = await responseTo(request)
  let [body, reads] = ['', 0]
  response.setEncoding('utf8').on('data', (text: string) => {
    body += text
    reads++
    call.onRead?.(text)
  })
  response.on('error', () => undefined)
  await closed(response)
  const { statusCode: status = 0, headers, complete: isComplete } = response
  return { status, headers, body, reads, isComplete, isReused: request.reusedSocket }
}

/** Sends a request and closes its connection as soon as `isTime` says so, which is asked at each read of the response. */
export async function leave(call: Call, isTime: Promise<void>): Promise<void> {
  const request = send(call)
  request.on('response', response => response.resume().on('error', () => undefined))
  await isTime
  request.destroy()
  await closed(request)
}

function send({ url, body, agent, headers }: Call): ClientRequest {
  const all = { 'content-type': 'application/json', ...headers }
  const request = startRequest(url, {
    method: 'POST',
    headers: all,
    ...(agent === undefined ? {} : { agent }),
  })
  request.on('error', () => undefined)
  return request.end(JSON.stringify(body))
}

/** Resolves when it has closed, after a failure too. */
async function closed(message: ClientRequest | IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (message.closed) return
  message.once('close', resolve)
  await promise
}

async function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request.once('response', resolve).once('error', reject)
  return promise
}
