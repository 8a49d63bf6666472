/** One run of wrk: its script, its arguments, and the parser of its output. Pure. */

/** The request that wrk repeats: a POST with a JSON body. */
export interface WrkRequest {
  /** Without `]]`, which ends a Lua string. */
  readonly body: string
  /** Opens a new connection for each request. */
  readonly closesConnection?: boolean
}

export interface WrkRun {
  readonly url: string
  readonly connections: number
  readonly scriptPath: string
  readonly seconds: number
}

/** What one run of wrk measured. */
export interface WrkResult {
  readonly requests: number
  readonly durationMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Responses with a status other than 2xx or 3xx. */
  readonly statusErrors: number
  /** Failed connects, and timeouts. */
  readonly connectErrors: number
  /** Failed reads and writes; wrk also counts connections that the server closes when asked to. */
  readonly transferErrors: number
}

/** Starts the line that the Lua script adds to wrk's output, because wrk rounds the figures of its own summary. */
const MARK = 'RESULT'

/** Longer than any stream takes, so that only a hanging request times out. */
const TIMEOUT_SECONDS = 30

export function wrkScript({ body, closesConnection = false }: WrkRequest): string {
  const close = closesConnection ? "wrk.headers['connection'] = 'close'\n" : ''
  return `wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
${close}wrk.body = [[${body}]]
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('${MARK} %d %d %d %d %d %d %d\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.timeout, e.read + e.write))
end
`
}

export function wrkArguments({ url, connections, scriptPath, seconds }: WrkRun): readonly string[] {
  const timeout = ['--timeout', `${TIMEOUT_SECONDS}s`]
  return ['-t1', `-c${connections}`, `-d${seconds}s`, ...timeout, '-s', scriptPath, `${url}/generate`]
}

/** @throws Error when the script's line is missing, which means that wrk did not finish. */
export function parseWrkOutput(output: string): WrkResult {
  const figures = new RegExp(`^${MARK}((?: \\d+){7})$`, 'm').exec(output)?.[1]?.trim().split(' ').map(Number)
  if (figures === undefined) throw new Error(`wrk printed no result: ${output.slice(-500)}`)
  const at = (index: number) => figures[index] ?? 0
  return {
    requests: at(0),
    durationMs: at(1) / 1000,
    p50Ms: at(2) / 1000,
    p99Ms: at(3) / 1000,
    statusErrors: at(4),
    connectErrors: at(5),
    transferErrors: at(6),
  }
}
