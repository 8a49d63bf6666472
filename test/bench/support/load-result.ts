/** Builders of request records and load results; by default a request gets the correct response. */
import { type PlanInput, planSchema } from '../../../bench/load/plan/plan.ts'
import type { RequestRecord } from '../../../bench/load/records/record.ts'
import type { LoadResult } from '../../../bench/load/records/result.ts'

export function recordOf(change: Partial<RequestRecord> = {}): RequestRecord {
  return {
    index: 0,
    scheduledMs: 0,
    sentMs: 10,
    headMs: 20,
    firstTokenMs: 30,
    lastTokenMs: 90,
    endMs: 110,
    outcome: 'ok',
    failure: undefined,
    status: 200,
    badRefusal: undefined,
    requestId: undefined,
    inputTokens: 4,
    cachedTokens: undefined,
    outputTokens: 5,
    details: undefined,
    ...change,
  }
}

export function resultOf(records: readonly RequestRecord[], plan: Partial<PlanInput> = {}): LoadResult {
  return {
    plan: planSchema.parse({
      url: 'http://127.0.0.1:1',
      requests: records.length,
      isStream: true,
      arrivals: { kind: 'closed', concurrency: 1 },
      dataset: { kind: 'prompts', prompts: ['x'], minTokens: 1, maxTokens: 1 },
      ...plan,
    }),
    startMs: 0,
    records,
    unfinished: [],
    itlMs: Float32Array.of(10, 20),
    iclMs: Float32Array.of(15, 25),
    maxTokensPerSecond: 7,
    maxChunksPerSecond: 6,
    busyShares: [0.05],
    cpuShares: [0.04],
    wasInterrupted: false,
  }
}
