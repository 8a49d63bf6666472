/** Computes the figures of a load from its records. Pure. */

import type { LoadPlan } from '../load/plan/plan.ts'
import type { RequestRecord } from '../load/records/record.ts'
import { isGeneratorLimit, type LoadResult } from '../load/records/result.ts'
import { busiestSecondOf } from './busiest-second.ts'
import { distributionOf } from './distribution.ts'
import { failuresOf } from './failures.ts'
import { inFlightOf } from './in-flight.ts'
import { percentileOf, sorted } from './percentiles.ts'
import { prefixCacheOf } from './prefix-cache.ts'
import type { Level } from './schema.ts'
import { timelineOf } from './timeline.ts'

export function levelOf(name: string, result: LoadResult): Level {
  const good = result.records.filter(({ outcome }) => outcome === 'ok')
  const requests = countsOf(result)
  const durationSeconds = durationOf(result)
  const outputTokens = good.reduce((sum, record) => sum + record.outputTokens, 0)
  const answered = requests.ok + requests.failed + requests.refused
  return {
    name,
    startedAt: new Date(result.startMs).toISOString(),
    ...settingsOf(result.plan),
    wasInterrupted: result.wasInterrupted,
    durationSeconds,
    requests,
    successPercent: answered === 0 ? null : (100 * requests.ok) / answered,
    requestsPerSecond: perSecond(requests.ok, durationSeconds),
    inputTokens: good.reduce((sum, record) => sum + record.inputTokens, 0),
    prefixCache: prefixCacheOf(good),
    outputTokens,
    outputTokensPerSecond: perSecond(outputTokens, durationSeconds),
    maxOutputTokensPerSecond: result.maxTokensPerSecond,
    inFlight: inFlightOf(result, durationSeconds),
    busiestSecond: busiestSecondOf(result),
    ...timesOf(good, result),
    timeline: timelineOf(result, durationSeconds),
    failures: failuresOf(result),
    generator: generatorOf(result),
  }
}

function settingsOf(plan: LoadPlan) {
  const { endpoint, isStream, connection, seed, requests, durationMs } = plan
  return {
    endpoint,
    isStream,
    // JSON has no infinity; other tools write `inf` too.
    arrivals: Object.fromEntries(
      Object.entries(plan.arrivals).map(([key, value]) => [key, value === Infinity ? 'inf' : value]),
    ),
    dataset: Object.fromEntries(Object.entries(plan.dataset).filter(([key]) => key !== 'prompts')),
    // In a run limited by time the planned number of requests is just a large number.
    plannedRequests: durationMs === undefined ? requests : null,
    plannedSeconds: durationMs === undefined ? null : durationMs / 1000,
    connectionMode: connection,
    seed,
    areTokensChecked: plan.scriptSeed !== undefined,
  }
}

function durationOf({ records, unfinished }: LoadResult): number {
  return Math.max(lastEndMs(records), lastEndMs(unfinished)) / 1000
}

function lastEndMs(ended: readonly { readonly endMs: number }[]): number {
  return ended.reduce((latest, { endMs }) => Math.max(latest, endMs), 0)
}

function timesOf(good: readonly RequestRecord[], { itlMs, iclMs }: LoadResult) {
  const streamed = good.filter(({ firstTokenMs }) => firstTokenMs !== undefined)
  const several = streamed.filter(({ outputTokens }) => outputTokens > 1)
  const counted = good.filter(({ outputTokens }) => outputTokens > 0)
  const latency = distributionOf(good.map(({ endMs, sentMs }) => endMs - sentMs))
  const ttft = distributionOf(streamed.map(record => first(record) - record.sentMs))
  const itl = distributionOf(itlMs)
  return {
    latencyMs: latency.figures,
    latencyFromScheduleMs: distributionOf(good.map(({ endMs, scheduledMs }) => endMs - scheduledMs)).figures,
    ttftMs: ttft.figures,
    ttftFromScheduleMs: distributionOf(streamed.map(record => first(record) - record.scheduledMs)).figures,
    tpotMs: distributionOf(several.map(record => (record.endMs - first(record)) / (record.outputTokens - 1)))
      .figures,
    ntpotMs: distributionOf(counted.map(record => (record.endMs - record.sentMs) / record.outputTokens))
      .figures,
    itlMs: itl.figures,
    iclMs: distributionOf(iclMs).figures,
    shapes: { latency: latency.shape, ttft: ttft.shape, itl: itl.shape },
  }
}

function first({ firstTokenMs = 0 }: RequestRecord): number {
  return firstTokenMs
}

function countsOf({ records, unfinished }: LoadResult): Level['requests'] {
  const count = (wanted: RequestRecord['outcome']) =>
    records.filter(({ outcome }) => outcome === wanted).length
  return {
    sent: records.length + unfinished.length,
    ok: count('ok'),
    failed: count('failed'),
    refused: count('refused'),
    left: count('left'),
    unfinished: unfinished.length,
  }
}

function generatorOf(result: LoadResult): Level['generator'] {
  const { records, busyShares, cpuShares } = result
  const lags = sorted(records.map(({ sentMs, scheduledMs }) => sentMs - scheduledMs))
  return {
    busyShares: [...busyShares],
    cpuShares: [...cpuShares],
    // A process is always busy in its first moments.
    isLimit: records.length > 0 && isGeneratorLimit(result),
    scheduleLagP99Ms: percentileOf(lags, 99),
  }
}

function perSecond(count: number, seconds: number): number {
  return seconds === 0 ? 0 : count / seconds
}
