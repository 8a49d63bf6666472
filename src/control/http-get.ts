/**
 * Sends a GET request to an engine, for probes and registration. Not used for requests of clients.
 *
 * Each call opens a connection, because a probe must find out whether the engine accepts new connections.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { readText } from './read-text.ts'

export interface GetOptions {
  /** Maximum time from the start of the call to the last byte of the body. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface GetResponse {
  readonly status: number
  readonly body: string
}

/** Far above the size of any `/server_info` response. */
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** @throws Error if the request fails, times out or is aborted, or if the response is too large */
export async function httpGet(url: string, { timeoutMs, signal }: GetOptions): Promise<GetResponse> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const anySignal = AbortSignal.any([signal, timeout])
  const { promise, resolve, reject } = Promise.withResolvers<GetResponse>()
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const call = request(url, { agent: false, signal: anySignal, headers: { accept: '*/*' } })
  call.once('error', error =>
    reject(timeout.aborted ? new Error(`No response within ${timeoutMs} ms`) : error),
  )
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
  return new Error(`Response larger than ${MAX_BODY_BYTES} bytes`)
}
