/**
 * The log: one line per event, to standard output or a file, from every thread. The only importer of pino.
 *
 * Levels: `info` for operator actions and one-time events, `warn` for problems that the gateway handled, `error` for
 * problems that an operator must act on. Nothing is logged per chunk. Lines are written synchronously, without a
 * transport thread, so that a crash loses none; a log that cannot be written delays nothing (`log-output.ts`).
 */
import { pino } from 'pino'
import type { Config } from '../config/config.ts'
import { messageOf } from '../core/text/error-text.ts'
import { openLogFile, openStandardOutput } from './log-destination.ts'
import { type LogLevel, logLine } from './log-line.ts'
import { LogOutput } from './log-output.ts'
import { onReopenOrder } from './log-reopen.ts'
import { type LineFields, StormFilter } from './log-storm.ts'

export interface Logger extends LineLogger {
  /** Whether lines of level debug are written. The hot path asks before it makes their fields. */
  readonly isDebug: boolean
}

interface LineLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The log of one thread or component, with what its owner does with it. */
export interface OpenLog extends Logger {
  /** `listener` is called with the number of lines that were lost because the log could not be written. */
  onLinesLost(listener: (lines: number) => void): void
  /** Writes the summaries that are due later. Nothing is logged afterwards. */
  close(): void
}

const SEVERITY = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>

/**
 * `part` names the thread or component that logs.
 * @throws Error if the directory cannot be created or the file cannot be opened.
 */
export function createLogger(config: Config['log'], part: string): OpenLog {
  const { dir } = config
  let lostLines = 0
  let report: (lines: number) => void = lines => {
    lostLines += lines
  }
  const output = new LogOutput(
    dir === undefined ? openStandardOutput() : openLogFile(dir),
    config.bufferBytes,
    {
      onLost: () => report(1),
      onRecovered: lines => log.warn({ lines }, 'log lines lost, because the log could not be written'),
    },
  )
  const lines = config.json ? jsonLogger(config.level, part, output) : textLogger(config.level, part, output)
  const calm = new CalmLogger(lines, config)
  const log: Logger = calm.logger
  const stopListening = dir === undefined ? undefined : onReopenOrder(() => reopen(output, dir, log))
  return {
    ...log,
    onLinesLost: listener => {
      report = listener
      if (lostLines > 0) listener(lostLines)
    },
    close: () => {
      stopListening?.()
      calm.close()
      output.close()
    },
  }
}

/** Goes on in the old file if the new one cannot be opened. */
function reopen(output: LogOutput, dir: string, log: Logger): void {
  try {
    output.moveTo(openLogFile(dir))
    log.info({}, 'log file reopened')
  } catch (error) {
    log.warn({ error: messageOf(error) }, 'log file not reopened, the old one stays in use')
  }
}

/** Summarizes warnings and errors that repeat. */
class CalmLogger {
  readonly #lines: LineLogger
  readonly #secs: number
  readonly #storms: StormFilter<{ readonly level: 'warn' | 'error'; readonly message: string }>
  #timer: NodeJS.Timeout | undefined
  readonly logger: Logger

  constructor(lines: LineLogger, { level, burstLines, summarySecs }: Config['log']) {
    this.#lines = lines
    this.#secs = summarySecs
    this.#storms = new StormFilter({ burstLines, periodMs: summarySecs * 1000 })
    this.logger = {
      isDebug: level === 'debug',
      debug: (fields, message) => lines.debug(fields, message),
      info: (fields, message) => lines.info(fields, message),
      warn: (fields, message) => this.#write('warn', { ...fields }, message),
      error: (fields, message) => this.#write('error', { ...fields }, message),
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#summarize(Infinity)
  }

  #write(level: 'warn' | 'error', fields: LineFields, message: string): void {
    const key = `${level} ${message} ${String(fields['cause'])}`
    if (this.#storms.admits(key, { level, message }, fields, performance.now()))
      this.#lines[level](fields, message)
    this.#timer ??= this.#nextSummary()
  }

  #nextSummary(): NodeJS.Timeout | undefined {
    const endMs = this.#storms.nextEndMs
    if (endMs === undefined) return undefined
    const delayMs = Math.max(0, endMs - performance.now())
    return setTimeout(() => {
      this.#summarize(performance.now())
      this.#timer = this.#nextSummary()
    }, delayMs).unref()
  }

  #summarize(nowMs: number): void {
    for (const { kind, count, values, last } of this.#storms.end(nowMs)) {
      const fields = { line: kind.message, count, secs: this.#secs, ...values, lastError: last['error'] }
      this.#lines[kind.level](fields, 'more lines of this kind')
    }
  }
}

function jsonLogger(level: LogLevel, part: string, output: LogOutput): LineLogger {
  return pino(
    {
      level,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: name => ({ level: name }) },
      serializers: { error: pino.stdSerializers.err },
    },
    output,
  )
}

function textLogger(minLevel: LogLevel, part: string, output: LogOutput): LineLogger {
  const write =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (SEVERITY[level] < SEVERITY[minLevel]) return
      output.write(logLine({ time: new Date(), level, part, message, fields }))
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}
