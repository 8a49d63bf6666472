/** Looks at a target before the load: is somebody there, and is it simulated, so that tokens can be checked. */

import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/core/error-text.ts'
import { member } from '../load/answer-pieces.ts'
import { ask, type Question, type Reply } from './ask.ts'

const LIMIT_MS = 5000
const ASK_AGAIN_MS = 200
/** A gateway that has just started says 503 until it has found its engines; a load then would ask for no known model. */
const START_MS = 5000
const NOT_READY = 503
/** Name of the simulated engines' model, and the seed of their script, unless they were told otherwise. */
const SIMULATED = { model: 'sim', scriptSeed: 0 }

export class TargetError extends Error {
  override readonly name = 'TargetError'
}

export interface Target {
  readonly model: string | undefined
  /** Of simulated engines. */
  readonly scriptSeed: number | undefined
}

/**
 * `interrupt` ends the wait. `waitMs`: it may take so long until it lists its models.
 * @throws TargetError when nobody answers.
 */
export async function lookAtTarget(url: string, interrupt: AbortSignal, waitMs = 0): Promise<Target> {
  if (waitMs > 0) return targetOf(await untilReady(url, interrupt, waitMs))
  const first = await answerOf(url, modelsAsked(interrupt))
  return targetOf(first.status === NOT_READY ? await untilReady(url, interrupt, START_MS) : first)
}

/** @throws TargetError when the target cannot. */
export async function flushCache(url: string, interrupt: AbortSignal): Promise<void> {
  const question = { method: 'POST', path: '/flush_cache', limitMs: LIMIT_MS, interrupt } as const
  const { status } = await answerOf(url, question)
  if (!isGood(status)) throw new TargetError(`the cache at ${url} could not be flushed: status ${status}`)
}

function targetOf({ body }: Reply): Target {
  const listed = member(jsonOf(body), 'data')
  const id: unknown = Array.isArray(listed) ? member(listed[0], 'id') : undefined
  const model = typeof id === 'string' ? id : undefined
  return { model, scriptSeed: model === SIMULATED.model ? SIMULATED.scriptSeed : undefined }
}

async function untilReady(url: string, interrupt: AbortSignal, waitMs: number): Promise<Reply> {
  const giveUpAt = performance.now() + waitMs
  let said = ''
  while (performance.now() < giveUpAt) {
    const answer = await answerOf(url, modelsAsked(interrupt)).catch(() => undefined)
    if (answer !== undefined && isGood(answer.status)) return answer
    said = answer === undefined ? 'nobody answers' : `GET /v1/models says ${answer.status}`
    await delay(ASK_AGAIN_MS, undefined, { signal: interrupt })
  }
  throw new TargetError(`${url} was not ready within ${waitMs / 1000} s: ${said}`)
}

function modelsAsked(interrupt: AbortSignal): Question {
  return { method: 'GET', path: '/v1/models', limitMs: LIMIT_MS, interrupt }
}

async function answerOf(url: string, question: Question): Promise<Reply> {
  try {
    return await ask(url, question)
  } catch (error) {
    throw new TargetError(`nobody answers at ${url}: ${messageOf(error)}`)
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
