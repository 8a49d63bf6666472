/** What `npm run bench:accuracy` measures, and what it makes of the figures. Pure. */

import { promptsOf } from '../load/datasets.ts'
import { type LoadPlan, planSchema } from '../load/plan.ts'
import { requestBody } from '../load/prompt.ts'

export interface Case {
  readonly connection: LoadPlan['connection']
  readonly concurrency: number
  /** How long the engine takes to answer; 0: it is as fast as it can, and what loads it is the limit. */
  readonly engineMs: number
}

/** The engine answers with a stream of two events, so long apart. */
export const CASES: readonly Case[] = (['keep-alive', 'per-request'] as const).flatMap(connection => [
  { connection, concurrency: 1, engineMs: 20 },
  { connection, concurrency: 64, engineMs: 20 },
  { connection, concurrency: 64, engineMs: 0 },
])

/** One measurement by each tool. */
export interface Sample {
  readonly requestsPerSecond: number
  readonly errors: number
  /** The generator was busy all the time; wrk does not say. */
  readonly isLimit: boolean
  readonly cpuShare: number
}

const AGREEMENT = 0.1

export type Verdict = 'agrees' | 'the bench is the limit, and says so' | 'DISAGREES'

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

/** The same request, from wrk. */
export function luaOf(plan: LoadPlan): string {
  const body = requestBody(plan, promptsOf(plan.dataset, plan.seed).at(0), 0)
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

/** @throws Error when wrk has not come to its end. */
export function wrkSampleOf(output: string): Sample {
  const [, requests, durationUs, errors] = /^RESULT (\d+) (\d+) (\d+)$/m.exec(output) ?? []
  if (requests === undefined) throw new Error(`wrk printed no result: ${output.slice(-300)}`)
  const requestsPerSecond = (Number(requests) * 1e6) / Number(durationUs)
  return { requestsPerSecond, errors: Number(errors), isLimit: false, cpuShare: 0 }
}

export function verdictOf(wrkRate: number, ownRate: number, isLimit: boolean): Verdict {
  if (Math.abs(ownRate / wrkRate - 1) <= AGREEMENT) return 'agrees'
  return isLimit ? 'the bench is the limit, and says so' : 'DISAGREES'
}
