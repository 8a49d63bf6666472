/**
 * One GET to an engine on a socket of its own, for probes and registration. Never on the way of a request.
 *
 * No keep-alive: a probe must learn whether the engine takes new connections.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { readText } from './read-text.ts'

export interface GetOptions {
  /** From the start to the last byte of the body. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface GetAnswer {
  readonly status: number
  readonly body: string
}

/** Far above any `/server_info`. */
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** @throws whatever keeps the answer from coming: refused, timed out, aborted, too large. */
export async function httpGet(url: string, { timeoutMs, signal }: GetOptions): Promise<GetAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const both = AbortSignal.any([signal, timeout])
  const { promise, resolve, reject } = Promise.withResolvers<GetAnswer>()
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const call = request(url, { agent: false, signal: both, headers: { accept: '*/*' } })
  call.once('error', error => reject(timeout.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error))
  call.once('response', response => {
    readText(response, MAX_BODY_BYTES, tooLarge).then(
      body => resolve({ status: response.statusCode ?? 0, body }),
      reject,
    )
  })
  call.end()
  try {
    return await promise
  } finally {
    call.destroy()
  }
}

function tooLarge(): Error {
  return new Error(`answer larger than ${MAX_BODY_BYTES} bytes`)
}
