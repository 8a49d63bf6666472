/** When a target is ready: no two routers agree on what their health paths say, so it is asked for an answer. */
import { setTimeout as delay } from 'node:timers/promises'

const TRY_LIMIT_MS = 3000
const PAUSE_MS = 50
/** A request that is refused for so long is refused for good: engines that are still coming up give other statuses. */
const REFUSAL_LIMIT_MS = 3000
const DETAIL_LIMIT = 300

export interface ReadyOptions {
  /** Says that the target has ended: then there is nothing to wait for. */
  readonly hasEnded?: () => boolean
}

/** What is wrong with an answer; for good when asking again will not help. */
interface Complaint {
  readonly text: string
  readonly isForGood: boolean
}

/** @throws Error with the last thing that the target said: after `limitMs`, once it has ended, or keeps refusing. */
export async function untilReady(url: string, limitMs: number, options: ReadyOptions = {}): Promise<void> {
  const startedAt = performance.now()
  let refusedAt = Infinity
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    const complaint = await complaintOf(url)
    if (complaint === undefined) return
    if (options.hasEnded?.() === true) throw new Error('ended before it was ready')
    const nowMs = performance.now()
    refusedAt = complaint.isForGood ? Math.min(refusedAt, nowMs) : Infinity
    if (nowMs - startedAt > limitMs || nowMs - refusedAt > REFUSAL_LIMIT_MS) throw new Error(complaint.text)
    // oxlint-disable-next-line no-await-in-loop -- a pause between two tries
    await delay(PAUSE_MS)
  }
}

async function complaintOf(url: string): Promise<Complaint | undefined> {
  const headers = { 'content-type': 'application/json' }
  const body = '{"text":"ready?","sampling_params":{"max_new_tokens":2}}'
  try {
    const signal = AbortSignal.timeout(TRY_LIMIT_MS)
    const response = await fetch(`${url}/generate`, { method: 'POST', headers, body, signal })
    const text = `${response.status} ${(await response.text()).slice(0, DETAIL_LIMIT)}`
    return response.ok ? undefined : { text, isForGood: response.status === 400 }
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error
    return { text: cause instanceof Error ? cause.message : String(cause), isForGood: false }
  }
}
