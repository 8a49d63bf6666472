/** Headers with which a request sets its own timeouts. Read by the front end and by router threads. Pure. */

/** Header name to the timeout that it sets. */
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

/** The timeout in milliseconds; `undefined` if the value is not a number above 0. */
export function timerMs(name: TimerHeader, text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : 0
  if (value <= 0) return undefined
  return name.endsWith('-secs') ? value * 1000 : value
}
