/** Looks at a target before the load: is somebody there, and is it simulated, so that tokens can be checked. */
import { member } from '../load/answer-pieces.ts'

const LIMIT_MS = 5000
/** Name of the simulated engines' model, and the seed of their script, unless they were told otherwise. */
const SIMULATED = { model: 'sim', scriptSeed: 0 }

export class TargetError extends Error {
  override readonly name = 'TargetError'
}

/** @returns the model's name and, of simulated engines, the seed. @throws TargetError when nobody answers. */
export async function lookAtTarget(
  url: string,
): Promise<{ model: string | undefined; scriptSeed: number | undefined }> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  const response = await fetch(new URL('/v1/models', url), { signal }).catch((error: unknown) => {
    throw new TargetError(`nobody answers at ${url}: ${reasonOf(error)}`)
  })
  const listed = member(jsonOf(await response.text()), 'data')
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
