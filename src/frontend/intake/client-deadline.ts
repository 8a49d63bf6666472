/**
 * The deadline that a client sets for its request, applied while the request waits for admission. The router thread
 * reads the header again (`workers/request/timeouts.ts`): it rejects an invalid value and enforces the configured maximum.
 * Pure.
 */
import { headerIn } from '../../messages/flat-headers.ts'
import { timerMs } from '../../messages/timeout-headers.ts'
import type { FlatHeaders } from '../../messages/types.ts'

const TOTAL = 'x-request-timeout-secs'
/** The longest delay of a Node timer. */
const MAX_MS = 2 ** 31 - 1

/** Milliseconds from the request head to the deadline; `undefined` without a valid header. */
export function clientDeadlineMs(headers: FlatHeaders): number | undefined {
  const text = headerIn(headers, TOTAL)
  const ms = text === undefined ? undefined : timerMs(TOTAL, text)
  return ms === undefined ? undefined : Math.min(ms, MAX_MS)
}
