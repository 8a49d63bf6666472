/** Formats a log event as a line of text: `2026-07-24 08:00:00.123 INFO  control: engine is healthy url=http://…`. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogEvent {
  readonly time: Date
  readonly level: LogLevel
  readonly part: string
  readonly message: string
  readonly fields: object
}

export function logLine({ time, level, part, message, fields }: LogEvent): string {
  const when = time.toISOString().replace('T', ' ').replace('Z', '')
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${valueText(value)}`)
  return `${when} ${level.toUpperCase().padEnd(5)} ${part}: ${message}${pairs.join('')}\n`
}

/** Quotes values that could break the line or be mistaken for the next field. */
function valueText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message)
  if (typeof value === 'string') return /^[\w.:/@[\]-]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value) ?? String(value)
}
