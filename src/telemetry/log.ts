/**
 * The log: one line an event, to standard output or a file, from every thread. The only import of pino.
 *
 * info: something an operator did or sees once. warn: we coped. error: someone must act. Nothing per chunk.
 * Lines are written at once (no transport thread): a crash loses none.
 */
import { join } from 'node:path'
import { pino } from 'pino'
import type { Config } from '../config/config.ts'
import { type LogLevel, logLine } from './log-line.ts'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const SEVERITY = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/** `part` names the thread or component that speaks. */
export function createLogger(config: Config['log'], part: string): Logger {
  const target =
    config.dir === undefined ? { fd: 1 } : { dest: join(config.dir, 'pd-gateway.log'), mkdir: true }
  const out = pino.destination({ ...target, sync: true })
  return config.json ? jsonLogger(config.level, part, out) : textLogger(config.level, part, out)
}

function jsonLogger(level: LogLevel, part: string, out: pino.DestinationStream): Logger {
  return pino(
    {
      level,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: name => ({ level: name }) },
      serializers: { error: pino.stdSerializers.err },
    },
    out,
  )
}

interface LineSink {
  write(line: string): unknown
}

function textLogger(least: LogLevel, part: string, out: LineSink): Logger {
  const at =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (SEVERITY[level] < SEVERITY[least]) return
      out.write(logLine({ time: new Date(), level, part, message, fields }))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
