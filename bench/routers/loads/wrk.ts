/** Runs wrk once: the script that it is given, its arguments, and how its answer is read. */
import type { Scenario } from './wrk-loads.ts'
import { bodyOf } from './wrk-loads.ts'

/** What one run of wrk saw. */
export interface WrkResult {
  readonly requests: number
  readonly durationMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that are no 2xx or 3xx. */
  readonly statusErrors: number
  /** Failed connects, reads and writes, and timeouts. */
  readonly socketErrors: number
}

/** Starts the line that our Lua script adds to wrk's output: wrk's own summary rounds its figures. */
const MARK = 'SPEED'

/** Longer than any stream takes, so that only a request that hangs counts as timed out. */
const TIMEOUT_SECONDS = 30

export function wrkScript(scenario: Scenario): string {
  return `wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
wrk.body = '${bodyOf(scenario)}'
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('${MARK} %d %d %d %d %d %d\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
`
}

export interface WrkRun {
  readonly scenario: Scenario
  readonly url: string
  readonly scriptPath: string
  readonly seconds: number
}

export function wrkArguments(run: WrkRun): readonly string[] {
  const connections = `-c${run.scenario.connections}`
  const timeout = [`--timeout`, `${TIMEOUT_SECONDS}s`]
  return ['-t1', connections, `-d${run.seconds}s`, ...timeout, '-s', run.scriptPath, `${run.url}/generate`]
}

/** @throws Error when our line is not there, which means that wrk did not finish. */
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
