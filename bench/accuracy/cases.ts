/** The cases of `bench accuracy`, and how their figures are compared. Pure. */

import { type LoadPlan, planSchema } from '../load/plan/plan.ts'
import { promptsOf } from '../load/prompts/datasets.ts'
import { requestBody } from '../load/prompts/prompt.ts'

export interface Case {
  readonly connection: LoadPlan['connection']
  readonly concurrency: number
  /** Response time of the engine; 0: as fast as it can, so that the load generator is the limit. */
  readonly engineMs: number
}

/** With a response time the engine sends a stream of two events that far apart. */
export const CASES: readonly Case[] = (['keep-alive', 'per-request'] as const).flatMap(connection => [
  { connection, concurrency: 1, engineMs: 20 },
  { connection, concurrency: 64, engineMs: 20 },
  { connection, concurrency: 64, engineMs: 0 },
])

/** One measurement by one tool. */
export interface Sample {
  readonly requestsPerSecond: number
  readonly errors: number
  /** Whether the generator was saturated; unknown for wrk, which does not report it. */
  readonly isLimit: boolean
  readonly cpuShare: number
}

/** Largest relative difference of two rates that agree. */
const TOLERANCE = 0.1

export type Agreement = 'agrees' | 'the bench is the limit, and reports it' | 'DISAGREES'

export function planOf({ connection, concurrency, engineMs }: Case, url: string, seconds: number): LoadPlan {
  return planSchema.parse({
    url,
    endpoint: 'generate',
    connection,
    isStream: engineMs > 0,
    requests: Number.MAX_SAFE_INTEGER,
    durationMs: seconds * 1000,
    arrivals: { kind: 'closed', concurrency },
    dataset: { kind: 'prompts', prompts: ['What is the capital of France?'], minTokens: 50, maxTokens: 50 },
  })
}

/** The wrk script that sends the same request. */
export function luaOf(plan: LoadPlan): string {
  const body = requestBody(plan, promptsOf(plan.dataset, plan.seed).promptAt(0), 0)
  const close = plan.connection === 'per-request' ? "wrk.headers['connection'] = 'close'\n" : ''
  return `wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
${close}wrk.body = [[${body}]]
function done(summary)
  local e = summary.errors
  io.write(string.format('RESULT %d %d %d\\n', summary.requests, summary.duration,
    e.status + e.connect + e.timeout))
end
`
}

/** @throws Error when wrk did not finish. */
export function wrkSampleOf(output: string): Sample {
  const [, requests, durationUs, errors] = /^RESULT (\d+) (\d+) (\d+)$/m.exec(output) ?? []
  if (requests === undefined) throw new Error(`wrk printed no result: ${output.slice(-300)}`)
  const requestsPerSecond = (Number(requests) * 1e6) / Number(durationUs)
  return { requestsPerSecond, errors: Number(errors), isLimit: false, cpuShare: 0 }
}

export function agreementOf(wrkRate: number, ownRate: number, isLimit: boolean): Agreement {
  if (Math.abs(ownRate / wrkRate - 1) <= TOLERANCE) return 'agrees'
  return isLimit ? 'the bench is the limit, and reports it' : 'DISAGREES'
}
