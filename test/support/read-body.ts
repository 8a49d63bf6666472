/** Sends a request whose response may break off, and reads as much of it as there is. */
import { Agent, type IncomingMessage, request } from 'node:http'

export interface ReadBody {
  readonly text: string
  /** Whether the body ended as HTTP requires, with its last chunk or its last byte. */
  readonly isComplete: boolean
}

/** To be called before the first byte of the body has been read. */
export function readBody(response: IncomingMessage): Promise<ReadBody> {
  const { promise, resolve } = Promise.withResolvers<ReadBody>()
  let text = ''
  response.setEncoding('utf8').on('data', piece => (text += String(piece)))
  // A response that breaks off reports an error, and the end of its connection in any case.
  response.on('error', () => undefined)
  response.on('close', () => resolve({ text, isComplete: response.complete }))
  return promise
}

export interface OpenResponse {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Promise<ReadBody>
}

/** Resolves when the head has arrived. */
export function postTo(url: string, headers: Record<string, string>, body: string): Promise<OpenResponse> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: new Agent(), headers })
    sent.on('error', reject)
    sent.on('response', response =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: readBody(response) }),
    )
    sent.end(body)
  })
}
