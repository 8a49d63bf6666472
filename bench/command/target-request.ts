/**
 * A single request to a target outside of the load: for its models, or to flush its cache.
 *
 * Not with `fetch`, which refuses ports that browsers block (6000, 10080 and others); a target may listen on any port.
 */

import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { errorCode, messageOf } from '../../src/core/text/error-text.ts'
import { addressOf } from '../load/connections/target-address.ts'

export interface TargetRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly limitMs: number
  /** Aborts the request. */
  readonly interrupt: AbortSignal
}

export interface TargetResponse {
  readonly status: number
  readonly body: string
}

/** @throws Error with the reason why there was no response. */
export async function requestTarget(url: string, options: TargetRequest): Promise<TargetResponse> {
  const { method, path, limitMs, interrupt } = options
  const limit = AbortSignal.timeout(limitMs)
  try {
    return await send(url, options, AbortSignal.any([interrupt, limit]))
  } catch (error) {
    if (!limit.aborted || interrupt.aborted) throw new Error(reasonOf(error), { cause: error })
    throw new Error(`no response to ${method} ${path} within ${limitMs / 1000} s`, { cause: error })
  }
}

async function send(
  url: string,
  { method, path }: TargetRequest,
  signal: AbortSignal,
): Promise<TargetResponse> {
  const { host, port, hostHeader, prefix } = addressOf(url)
  const { promise, resolve, reject } = Promise.withResolvers<TargetResponse>()
  const headers = { host: hostHeader }
  const sent = request({ host, port, method, path: `${prefix}${path}`, headers, agent: false, signal })
  sent.on('error', reject)
  sent.on('response', response => {
    text(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject)
  })
  sent.end()
  return promise
}

function reasonOf(error: unknown): string {
  const code = errorCode(error)
  if (code.startsWith('HPE_')) return `the response is not HTTP (${code})`
  return code === '' ? messageOf(error) : code
}
