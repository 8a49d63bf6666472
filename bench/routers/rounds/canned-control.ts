/** Control requests to the canned engines: the pace of their streams, and the counts of what they have sent. */
import { setTimeout as delay } from 'node:timers/promises'
import { member } from '../../json/member.ts'

/** Longest wait for the last streams of a round to end. */
const SETTLE_LIMIT_MS = 5000
const POLL_INTERVAL_MS = 20

interface CannedCounts {
  /** Streams that have not ended. */
  readonly open: number
  /** Events sent since the start. */
  readonly chunks: number
}

/** Waits until no stream is open, so that no chunk is counted for the wrong target. */
export async function untilSettled(cannedUrl: string): Promise<CannedCounts> {
  const giveUpMs = performance.now() + SETTLE_LIMIT_MS
  for (;;) {
    const counts = await readCounts(cannedUrl)
    if (counts.open === 0) return counts
    if (performance.now() > giveUpMs) throw new Error(`${counts.open} streams did not end after their round`)
    await delay(POLL_INTERVAL_MS)
  }
}

async function readCounts(cannedUrl: string): Promise<CannedCounts> {
  const value: unknown = await (await fetch(`${cannedUrl}/canned/counts`)).json()
  return { open: Number(member(value, 'open')), chunks: Number(member(value, 'chunks')) }
}

/** Sets the pause between two events of every stream of the canned engines. */
export async function setPace(cannedUrl: string, intervalMs: number): Promise<void> {
  const url = `${cannedUrl}/canned/pace?interval-ms=${intervalMs}`
  const response = await fetch(url, { method: 'POST' })
  if (!response.ok) throw new Error(`The canned engines refused a pace of ${intervalMs} ms`)
}
