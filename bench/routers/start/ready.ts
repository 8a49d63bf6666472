/** Finds out whether a router is ready by sending it a request: health paths differ from router to router. */
import { errorCode, messageOf } from '../../../src/core/text/error-text.ts'

const REQUEST_TIMEOUT_MS = 3000
/** A status of 400 that lasts this long is final; engines that are still starting cause other statuses. */
const REFUSAL_LIMIT_MS = 3000
const DETAIL_LIMIT = 300

interface NotReady {
  readonly reason: string
  /** Whether asking again is unlikely to help. */
  readonly isFinal: boolean
}

/**
 * A probe for `Child.untilReady`: resolves with undefined when the router has served a request, else with its response.
 * The probe throws an Error with the response when the router keeps refusing the request.
 */
export function readyProbe(url: string): () => Promise<string | undefined> {
  let refusedSinceMs = Infinity
  return async () => {
    const notReady = await reasonNotReady(url)
    const nowMs = performance.now()
    refusedSinceMs = notReady?.isFinal === true ? Math.min(refusedSinceMs, nowMs) : Infinity
    if (notReady !== undefined && nowMs - refusedSinceMs > REFUSAL_LIMIT_MS) throw new Error(notReady.reason)
    return notReady?.reason
  }
}

async function reasonNotReady(url: string): Promise<NotReady | undefined> {
  const headers = { 'content-type': 'application/json' }
  const body = '{"text":"ready?","sampling_params":{"max_new_tokens":2}}'
  try {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    const response = await fetch(`${url}/generate`, { method: 'POST', headers, body, signal })
    const reason = `${response.status} ${(await response.text()).slice(0, DETAIL_LIMIT)}`
    return response.ok ? undefined : { reason, isFinal: response.status === 400 }
  } catch (error) {
    return { reason: errorCode(error) || messageOf(error), isFinal: false }
  }
}
