/** The timers of one request: the configured ones, moved by headers of the request within configured bounds. Pure. */
import type { Config } from '../src/config/config.ts'
import { GatewayError } from '../src/core/errors.ts'
import type { FlatHeaders } from '../src/messages/types.ts'

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

const NAMES = {
  'x-first-token-timeout-ms': 'firstTokenMs',
  'x-idle-timeout-ms': 'idleMs',
  'x-request-timeout-secs': 'totalMs',
} as const satisfies Record<string, keyof RequestTimers>

const NUMBER = /^\d{1,12}(\.\d{1,6})?$/

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
    if (!isTimer(name)) kept.push(name, value)
    else timers[NAMES[name]] = Math.min(mostMs[NAMES[name]], readMs(name, value))
  }
  return { timers, headers: kept }
}

function isTimer(name: string): name is keyof typeof NAMES {
  return Object.hasOwn(NAMES, name)
}

function readMs(name: string, text: string): number {
  const value = NUMBER.test(text) ? Number(text) : 0
  if (value <= 0) throw new GatewayError('invalid-request', `${name} must be a number above 0.`)
  return name.endsWith('-secs') ? value * 1000 : value
}
