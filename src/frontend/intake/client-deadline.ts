/**
 * The total deadline that a request names itself, for as long as it waits here. Its router thread reads the header
 * anew (`workers/request/timeouts.ts`), refuses what is no number, and keeps it to the configured bound. Pure.
 */
import { headerIn } from '../../messages/flat-headers.ts'
import { timerMs } from '../../messages/timeout-headers.ts'
import type { FlatHeaders } from '../../messages/types.ts'

const TOTAL = 'x-request-timeout-secs'
/** What a timer of Node's can count. */
const LONGEST_MS = 2 ** 31 - 1

/** `undefined` when there is none, or none that can be understood. */
export function clientDeadlineMs(headers: FlatHeaders): number | undefined {
  const text = headerIn(headers, TOTAL)
  const ms = text === undefined ? undefined : timerMs(TOTAL, text)
  return ms === undefined ? undefined : Math.min(ms, LONGEST_MS)
}
