/**
 * Sends a GET request to an engine, for probes and registration. Not used for requests of clients.
 *
 * Each call opens a connection, because a probe must find out whether the engine accepts new connections.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { readText } from '../../core/text/read-text.ts'

export interface GetOptions {
  /** Maximum time from the start of the call to the last byte of the body. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Sent as `authorization: Bearer`. `undefined` sends none. */
  readonly apiKey?: string | undefined
}

export interface GetResponse {
  readonly status: number
  readonly body: string
}

/** Code of the error of a call whose server accepted the connection, but did not respond in time. */
export const NO_RESPONSE = 'ERR_NO_RESPONSE'

/** Far above the size of any `/server_info` response. */
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** @throws Error if the request fails, times out or is aborted, or if the response is too large */
export async function httpGet(url: string, { timeoutMs, signal, apiKey }: GetOptions): Promise<GetResponse> {
  const timeout = AbortSignal.timeout(timeoutMs)
  const anySignal = AbortSignal.any([signal, timeout])
  const { promise, resolve, reject } = Promise.withResolvers<GetResponse>()
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  const headers = { accept: '*/*', ...authorization }
  const call = request(url, { agent: false, signal: anySignal, headers })
  let isConnected = false
  call.once('socket', socket =>
    socket.once('connect', () => {
      isConnected = true
    }),
  )
  const failWith = (error: Error): void =>
    reject(timeout.aborted ? timeoutError(timeoutMs, isConnected) : error)
  call.once('error', failWith)
  call.once('response', response => {
    readText(response, MAX_BODY_BYTES, tooLarge).then(
      body => resolve({ status: response.statusCode ?? 0, body }),
      failWith,
    )
  })
  call.end()
  try {
    return await promise
  } finally {
    call.destroy()
  }
}

function timeoutError(timeoutMs: number, isConnected: boolean): Error {
  if (!isConnected) return new Error(`No connection within ${timeoutMs} ms`)
  return Object.assign(new Error(`No response within ${timeoutMs} ms`), { code: NO_RESPONSE })
}

function tooLarge(): Error {
  return new Error(`Response larger than ${MAX_BODY_BYTES} bytes`)
}
