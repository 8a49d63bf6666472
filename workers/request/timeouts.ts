/** The timeouts of one request: the configured ones, or those of its headers up to a configured maximum. Pure. */
import type { Config } from '../../src/config/config.ts'
import { GatewayError } from '../../src/core/errors.ts'
import {
  isTimeoutHeader,
  TIMEOUT_HEADERS,
  type TimerHeader,
  timerMs,
} from '../../src/messages/timeout-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'

export interface RequestTimeouts {
  readonly firstTokenMs: number
  readonly idleMs: number
  readonly totalMs: number
}

export interface TimedHeaders {
  readonly timeouts: RequestTimeouts
  /** The headers without those that set a timeout: these are for the engines. */
  readonly headers: FlatHeaders
}

/**
 * Values above the maximum are reduced to it.
 *
 * @throws GatewayError `invalid-request` if a value is not a number above 0
 */
export function readTimeouts(headers: FlatHeaders, configured: Config['timeouts']): TimedHeaders {
  const { firstTokenMs, idleMs, totalSecs } = configured
  const timeouts = { firstTokenMs, idleMs, totalMs: totalSecs * 1000 }
  const maxMs = {
    firstTokenMs: Math.max(firstTokenMs, configured.maxFirstTokenMs),
    idleMs: Math.max(idleMs, configured.maxIdleMs),
    totalMs: Math.max(totalSecs, configured.maxTotalSecs) * 1000,
  }
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ''
    const value = headers[index + 1] ?? ''
    if (isTimeoutHeader(name)) {
      const timer = TIMEOUT_HEADERS[name]
      timeouts[timer] = Math.min(maxMs[timer], readMs(name, value))
    } else kept.push(name, value)
  }
  return { timeouts, headers: kept }
}

function readMs(name: TimerHeader, text: string): number {
  const ms = timerMs(name, text)
  if (ms === undefined) throw new GatewayError('invalid-request', `${name} must be a number above 0`)
  return ms
}
