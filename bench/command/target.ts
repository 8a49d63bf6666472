/** Looks at a target before the load: is somebody there, and is it simulated, so that tokens can be checked. */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../load/answer-pieces.ts'

const LIMIT_MS = 5000
const ASK_AGAIN_MS = 200
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
  if (waitMs > 0) await untilReady(url, interrupt, waitMs)
  const text = await (await answerOf(new URL('/v1/models', url), 'GET', interrupt)).text()
  const listed = member(jsonOf(text), 'data')
  const id: unknown = Array.isArray(listed) ? member(listed[0], 'id') : undefined
  const model = typeof id === 'string' ? id : undefined
  return { model, scriptSeed: model === SIMULATED.model ? SIMULATED.scriptSeed : undefined }
}

/** @throws TargetError when the target cannot. */
export async function flushCache(url: string, interrupt: AbortSignal): Promise<void> {
  const { ok, status } = await answerOf(new URL('/flush_cache', url), 'POST', interrupt)
  if (!ok) throw new TargetError(`the cache at ${url} could not be flushed: status ${status}`)
}

async function untilReady(url: string, interrupt: AbortSignal, waitMs: number): Promise<void> {
  const giveUpAt = performance.now() + waitMs
  while (performance.now() < giveUpAt) {
    // oxlint-disable-next-line no-await-in-loop -- asking again and again is the point
    const isReady = await answerOf(new URL('/v1/models', url), 'GET', interrupt).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    // oxlint-disable-next-line no-await-in-loop -- a pause between two questions
    await delay(ASK_AGAIN_MS, undefined, { signal: interrupt })
  }
  throw new TargetError(`${url} was not ready within ${waitMs / 1000} s`)
}

async function answerOf(address: URL, method: string, interrupt: AbortSignal): Promise<Response> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(LIMIT_MS)])
  try {
    return await fetch(address, { method, signal })
  } catch (error) {
    throw new TargetError(`nobody answers at ${address.origin}: ${reasonOf(error)}`)
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = member(cause, 'code')
  if (typeof code === 'string') return code
  if (cause instanceof Error) return cause.message
  return error instanceof Error ? error.message : String(error)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
