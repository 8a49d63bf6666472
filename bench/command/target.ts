/** Probes a target before the load: whether it responds, and whether it is simulated, so that tokens can be checked. */

import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/core/text/error-text.ts'
import { parseJson } from '../../src/core/text/parse-json.ts'
import { member } from '../json/member.ts'
import { TargetError } from './error-line.ts'
import { requestTarget, type TargetRequest, type TargetResponse } from './target-request.ts'

const TIMEOUT_MS = 5000
const POLL_INTERVAL_MS = 200
/** A gateway responds with 503 until it has found its engines; a load started before that would use no known model. */
const START_MS = 5000
const NOT_READY = 503
/** Default model name of the simulated engines, and their default output seed. */
const SIMULATED = { model: 'sim', scriptSeed: 0 }

export interface Target {
  readonly model: string | undefined
  /** Output seed of simulated engines; undefined for other engines. */
  readonly scriptSeed: number | undefined
}

/**
 * `waitMs` is how long the target may take until it lists its models; `interrupt` ends the wait.
 * @throws TargetError when the target does not respond.
 */
export async function probeTarget(url: string, interrupt: AbortSignal, waitMs = 0): Promise<Target> {
  if (waitMs > 0) return targetOf(await untilReady(url, interrupt, waitMs))
  const first = await responseOf(url, modelsRequest(interrupt))
  return targetOf(first.status === NOT_READY ? await untilReady(url, interrupt, START_MS) : first)
}

/** Makes the engines drop their prefix caches. @throws TargetError when the target refuses. */
export async function flushCache(url: string, interrupt: AbortSignal): Promise<void> {
  const request = { method: 'POST', path: '/flush_cache', limitMs: TIMEOUT_MS, interrupt } as const
  const { status } = await responseOf(url, request)
  if (!isGood(status)) throw new TargetError(`Cannot flush the cache at ${url}: status ${status}`)
}

/** What the target says at `/server_info`; null if it has no such path, or says nothing that is JSON. Never throws. */
export async function serverInfoOf(url: string, interrupt: AbortSignal): Promise<unknown> {
  const request = { method: 'GET', path: '/server_info', limitMs: TIMEOUT_MS, interrupt } as const
  try {
    const { status, body } = await requestTarget(url, request)
    return isGood(status) ? (parseJson(body) ?? null) : null
  } catch {
    return null
  }
}

function targetOf({ body }: TargetResponse): Target {
  const listed = member(parseJson(body), 'data')
  const id: unknown = Array.isArray(listed) ? member(listed[0], 'id') : undefined
  const model = typeof id === 'string' ? id : undefined
  return { model, scriptSeed: model === SIMULATED.model ? SIMULATED.scriptSeed : undefined }
}

async function untilReady(url: string, interrupt: AbortSignal, waitMs: number): Promise<TargetResponse> {
  const giveUpMs = performance.now() + waitMs
  let reason = ''
  while (performance.now() < giveUpMs) {
    try {
      const response = await requestTarget(url, modelsRequest(interrupt))
      if (isGood(response.status)) return response
      reason = `GET /v1/models returned status ${response.status}`
    } catch (error) {
      reason = messageOf(error)
    }
    await delay(POLL_INTERVAL_MS, undefined, { signal: interrupt })
  }
  throw new TargetError(`Target ${url} was not ready within ${waitMs / 1000} s: ${reason}`)
}

function modelsRequest(interrupt: AbortSignal): TargetRequest {
  return { method: 'GET', path: '/v1/models', limitMs: TIMEOUT_MS, interrupt }
}

async function responseOf(url: string, request: TargetRequest): Promise<TargetResponse> {
  try {
    return await requestTarget(url, request)
  } catch (error) {
    throw new TargetError(`Target ${url} is unreachable: ${messageOf(error)}`)
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300
}
