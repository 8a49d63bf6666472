/**
 * The log: one line an event, to standard output, from every thread. The only import of pino.
 *
 * info: something an operator did or sees once. warn: we coped. error: someone must act. Nothing per chunk.
 */
import { pino } from 'pino'
import type { Config } from '../config/config.ts'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** `part` names the thread or component that speaks. Lines are written at once: a crash loses none. */
export function createLogger(config: Config['log'], part: string): Logger {
  return pino({ level: config.level, base: { part } }, pino.destination({ fd: 1, sync: true }))
}
