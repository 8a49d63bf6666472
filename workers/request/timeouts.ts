/** The timers of one request: the configured ones, moved by headers of the request within configured bounds. Pure. */
import type { Config } from '../../src/config/config.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { isTimerHeader, TIMER_HEADERS, type TimerHeader, timerMs } from '../../src/messages/timer-headers.ts'
import type { FlatHeaders } from '../../src/messages/types.ts'

export interface RequestTimers {
  readonly firstTokenMs: number
  readonly idleMs: number
  readonly totalMs: number
}

export interface TimedHeaders {
  readonly timers: RequestTimers
  /** What is left for the engines. */
  readonly headers: FlatHeaders
}

/** What asks for more than the bound gets the bound. @throws GatewayError for a value that is no number above 0. */
export function readTimers(headers: FlatHeaders, timeouts: Config['timeouts']): TimedHeaders {
  const { firstTokenMs, idleMs, totalSecs } = timeouts
  const timers = { firstTokenMs, idleMs, totalMs: totalSecs * 1000 }
  const mostMs = {
    firstTokenMs: Math.max(firstTokenMs, timeouts.maxFirstTokenMs),
    idleMs: Math.max(idleMs, timeouts.maxIdleMs),
    totalMs: Math.max(totalSecs, timeouts.maxTotalSecs) * 1000,
  }
  const kept: string[] = []
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    if (isTimerHeader(name)) {
      const timer = TIMER_HEADERS[name]
      timers[timer] = Math.min(mostMs[timer], readMs(name, value))
    } else kept.push(name, value)
  }
  return { timers, headers: kept }
}

function readMs(name: TimerHeader, text: string): number {
  const ms = timerMs(name, text)
  if (ms === undefined) throw new GatewayError('invalid-request', `${name} must be a number above 0.`)
  return ms
}
