/** The cases of `bench accuracy`, and how their figures are compared. Pure. */

import { type LoadPlan, planSchema } from '../load/plan/plan.ts'
import { promptsOf } from '../load/prompts/datasets.ts'
import { requestBody } from '../load/prompts/prompt.ts'
import type { WrkRequest, WrkResult } from '../wrk/wrk.ts'

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

/** The same request for wrk. */
export function wrkRequestOf(plan: LoadPlan): WrkRequest {
  const body = requestBody(plan, promptsOf(plan.dataset, plan.seed).promptAt(0), 0)
  return { body, closesConnection: plan.connection === 'per-request' }
}

/** Failed reads do not count: wrk takes a connection that is closed as it asked for a failed one. */
export function wrkSampleOf(result: WrkResult): Sample {
  const { requests, durationMs, statusErrors, connectErrors } = result
  const requestsPerSecond = (requests * 1000) / durationMs
  return { requestsPerSecond, errors: statusErrors + connectErrors, isLimit: false, cpuShare: 0 }
}

export function agreementOf(wrkRate: number, ownRate: number, isLimit: boolean): Agreement {
  if (Math.abs(ownRate / wrkRate - 1) <= TOLERANCE) return 'agrees'
  return isLimit ? 'the bench is the limit, and reports it' : 'DISAGREES'
}
