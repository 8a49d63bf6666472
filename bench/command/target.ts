/** Looks at a target before the load: is somebody there, and is it simulated, so that tokens can be checked. */
import { member } from '../load/answer-pieces.ts'

const LIMIT_MS = 5000
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

/** `interrupt` ends the wait. @throws TargetError when nobody answers. */
export async function lookAtTarget(url: string, interrupt: AbortSignal): Promise<Target> {
  const signal = AbortSignal.any([interrupt, AbortSignal.timeout(LIMIT_MS)])
  const ask = async () => (await fetch(new URL('/v1/models', url), { signal })).text()
  const text = await ask().catch((error: unknown) => {
    throw new TargetError(`nobody answers at ${url}: ${reasonOf(error)}`)
  })
  const listed = member(jsonOf(text), 'data')
  const id: unknown = Array.isArray(listed) ? member(listed[0], 'id') : undefined
  const model = typeof id === 'string' ? id : undefined
  return { model, scriptSeed: model === SIMULATED.model ? SIMULATED.scriptSeed : undefined }
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
