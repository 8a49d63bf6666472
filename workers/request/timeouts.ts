/** The timers of one request: the configured ones, moved by headers of the request within configured bounds. Pure. */
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
  /** What is left for the engines. */
  readonly headers: FlatHeaders
}

/** What asks for more than the bound gets the bound. @throws GatewayError for a value that is no number above 0. */
export function readTimeouts(headers: FlatHeaders, configured: Config['timeouts']): TimedHeaders {
  const { firstTokenMs, idleMs, totalSecs } = configured
  const timeouts = { firstTokenMs, idleMs, totalMs: totalSecs * 1000 }
  const maxMs = {
    firstTokenMs: Math.max(firstTokenMs, configured.maxFirstTokenMs),
    idleMs: Math.max(idleMs, configured.maxIdleMs),
    totalMs: Math.max(totalSecs, configured.maxTotalSecs) * 1000,
  }
  const kept: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    if (isTimeoutHeader(name)) {
      const timer = TIMEOUT_HEADERS[name]
      timeouts[timer] = Math.min(maxMs[timer], readMs(name, value))
    } else kept.push(name, value)
  }
  return { timeouts, headers: kept }
}

function readMs(name: TimerHeader, text: string): number {
  const ms = timerMs(name, text)
  if (ms === undefined) throw new GatewayError('invalid-request', `${name} must be a number above 0.`)
  return ms
}
