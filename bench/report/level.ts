/** From the records of a load to its figures. Pure. */
import { percentileOf, sorted, statisticsOf } from '../load/percentiles.ts'
import type { RequestRecord } from '../load/record.ts'
import { isGeneratorLimit, type LoadResult } from '../load/result.ts'
import { failureCounts } from './failures.ts'
import type { Distribution, Level } from './schema.ts'

export function levelOf(name: string, result: LoadResult): Level {
  const { plan, records } = result
  const good = records.filter(({ outcome }) => outcome === 'ok')
  const requests = countsOf(records)
  const durationSeconds = records.reduce((latest, { endMs }) => Math.max(latest, endMs), 0) / 1000
  const outputTokens = records.reduce((sum, one) => sum + one.outputTokens, 0)
  const stayed = requests.sent - requests.left
  return {
    name,
    endpoint: plan.endpoint,
    isStream: plan.isStream,
    arrivals: { ...plan.arrivals },
    connectionMode: plan.connection,
    seed: plan.seed,
    areTokensChecked: plan.scriptSeed !== undefined,
    wasInterrupted: result.wasInterrupted,
    durationSeconds,
    requests,
    successPercent: stayed === 0 ? 0 : (100 * requests.ok) / stayed,
    requestsPerSecond: perSecond(requests.ok, durationSeconds),
    inputTokens: good.reduce((sum, one) => sum + one.inputTokens, 0),
    outputTokens,
    outputTokensPerSecond: perSecond(outputTokens, durationSeconds),
    ...timesOf(good),
    itlMs: distributionOf(result.itlMs),
    iclMs: distributionOf(result.iclMs),
    failures: Object.fromEntries(failureCounts(result)),
    generator: generatorOf(result),
  }
}

function distributionOf(samples: Iterable<number>): Distribution {
  const ordered = sorted(samples)
  const at = (percent: number) => percentileOf(ordered, percent)
  return {
    ...statisticsOf(ordered),
    p50: at(50),
    p75: at(75),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
  }
}

function timesOf(good: readonly RequestRecord[]) {
  const streamed = good.filter(({ firstTokenMs }) => firstTokenMs !== undefined)
  const several = streamed.filter(({ outputTokens }) => outputTokens > 1)
  const counted = good.filter(({ outputTokens }) => outputTokens > 0)
  return {
    latencyMs: distributionOf(good.map(({ endMs, sentMs }) => endMs - sentMs)),
    latencyFromScheduleMs: distributionOf(good.map(({ endMs, scheduledMs }) => endMs - scheduledMs)),
    ttftMs: distributionOf(streamed.map(one => first(one) - one.sentMs)),
    ttftFromScheduleMs: distributionOf(streamed.map(one => first(one) - one.scheduledMs)),
    tpotMs: distributionOf(several.map(one => (one.endMs - first(one)) / (one.outputTokens - 1))),
    ntpotMs: distributionOf(counted.map(one => (one.endMs - one.sentMs) / one.outputTokens)),
  }
}

function first({ firstTokenMs = 0 }: RequestRecord): number {
  return firstTokenMs
}

function countsOf(records: readonly RequestRecord[]): Level['requests'] {
  const count = (wanted: RequestRecord['outcome']) =>
    records.filter(({ outcome }) => outcome === wanted).length
  return {
    sent: records.length,
    ok: count('ok'),
    failed: count('failed'),
    refused: count('refused'),
    left: count('left'),
  }
}

function generatorOf(result: LoadResult): Level['generator'] {
  const { records, busyShares, cpuShares } = result
  const lags = sorted(records.map(({ sentMs, scheduledMs }) => sentMs - scheduledMs))
  return {
    busyShares: [...busyShares],
    cpuShares: [...cpuShares],
    isLimit: isGeneratorLimit(result),
    scheduleLagP99Ms: percentileOf(lags, 99),
  }
}

function perSecond(count: number, seconds: number): number {
  return seconds === 0 ? 0 : count / seconds
}
