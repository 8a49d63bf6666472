/** The headers by which a request moves its own timers, as the front end and the router threads read them. Pure. */

/** By name, and which timer of the request it moves. */
export const TIMEOUT_HEADERS = {
  'x-first-token-timeout-ms': 'firstTokenMs',
  'x-idle-timeout-ms': 'idleMs',
  'x-request-timeout-secs': 'totalMs',
} as const

export type TimerHeader = keyof typeof TIMEOUT_HEADERS

const NUMBER = /^\d{1,12}(\.\d{1,6})?$/

export function isTimeoutHeader(name: string): name is TimerHeader {
  return Object.hasOwn(TIMEOUT_HEADERS, name)
}

/** `undefined` for a value that is no number above 0. */
export function timerMs(name: TimerHeader, text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : 0
  if (value <= 0) return undefined
  return name.endsWith('-secs') ? value * 1000 : value
}
