/**
 * The total deadline that a request names itself, for as long as it waits here. Its router thread reads the header
 * anew (`workers/request-timers.ts`), refuses what is no number, and keeps it to the configured bound. Pure.
 */
import { headerIn } from '../messages/flat-headers.ts'
import type { FlatHeaders } from '../messages/types.ts'

/** What a timer of Node's can count. */
const LONGEST_MS = 2 ** 31 - 1

/** `undefined` when there is none, or none that can be understood. */
export function ownDeadlineMs(headers: FlatHeaders): number | undefined {
  const secs = Number(headerIn(headers, 'x-request-timeout-secs') ?? Number.NaN)
  return secs > 0 ? Math.min(secs * 1000, LONGEST_MS) : undefined
}
