/** One run of wrk: its script, its arguments, and the parser of its output. Pure. */
import { bodyOf, type WrkShape } from './wrk-loads.ts'

/** What one run of wrk measured. */
export interface WrkResult {
  readonly requests: number
  readonly durationMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Responses with a status other than 2xx or 3xx. */
  readonly statusErrors: number
  /** Failed connects, reads and writes, and timeouts. */
  readonly socketErrors: number
}

/** Starts the line that the Lua script adds to wrk's output, because wrk rounds the figures of its own summary. */
const MARK = 'RESULT'

/** Longer than any stream takes, so that only a hanging request times out. */
const TIMEOUT_SECONDS = 30

export function wrkScript(shape: WrkShape): string {
  return `wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.body = '${bodyOf(shape)}'
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('${MARK} %d %d %d %d %d %d\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
`
}

export interface WrkRun {
  readonly shape: WrkShape
  readonly url: string
  readonly scriptPath: string
  readonly seconds: number
}

export function wrkArguments(run: WrkRun): readonly string[] {
  const connections = `-c${run.shape.connections}`
  const timeout = [`--timeout`, `${TIMEOUT_SECONDS}s`]
  return ['-t1', connections, `-d${run.seconds}s`, ...timeout, '-s', run.scriptPath, `${run.url}/generate`]
}

/** @throws Error when the script's line is missing, which means that wrk did not finish. */
export function parseWrkOutput(output: string): WrkResult {
  const match = new RegExp(`^${MARK} (\\d+) (\\d+) (\\d+) (\\d+) (\\d+) (\\d+)$`, 'm').exec(output)
  if (match === null) throw new Error(`wrk printed no result: ${output.slice(-500)}`)
  const [requests = 0, durationUs = 0, p50Us = 0, p99Us = 0, statusErrors = 0, socketErrors = 0] = match
    .slice(1)
    .map(Number)
  return {
    requests,
    durationMs: durationUs / 1000,
    p50Ms: p50Us / 1000,
    p99Ms: p99Us / 1000,
    statusErrors,
    socketErrors,
  }
}
