/**
 * The log: one line per event, to standard output or a file, from every thread. The only importer of pino.
 *
 * Levels: `info` for operator actions and one-time events, `warn` for problems that the gateway handled, `error` for
 * problems that an operator must act on. Nothing is logged per chunk. Lines are written synchronously, without a
 * transport thread, so that a crash loses none.
 */
import { join } from 'node:path'
import { pino } from 'pino'
import type { Config } from '../config/config.ts'
import { messageOf } from '../core/error-text.ts'
import { type LogLevel, logLine } from './log-line.ts'

export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const SEVERITY = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/**
 * `part` names the thread or component that logs.
 * @throws Error if the directory cannot be created or the file cannot be opened.
 */
export function createLogger(config: Config['log'], part: string): Logger {
  const out = destinationIn(config.dir)
  return config.json ? jsonLogger(config.level, part, out) : textLogger(config.level, part, out)
}

function destinationIn(dir: string | undefined) {
  if (dir === undefined) return pino.destination({ fd: 1, sync: true })
  try {
    return pino.destination({ dest: join(dir, 'pd-gateway.log'), mkdir: true, sync: true })
  } catch (error) {
    throw new Error(`Cannot write the log to ${dir} (--log-dir): ${messageOf(error)}`, { cause: error })
  }
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

function textLogger(minLevel: LogLevel, part: string, out: LineSink): Logger {
  const write =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (SEVERITY[level] < SEVERITY[minLevel]) return
      out.write(logLine({ time: new Date(), level, part, message, fields }))
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
