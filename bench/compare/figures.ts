/** The figures of one round of a comparison. Pure. */

import { isGeneratorLimit, type LoadResult } from '../load/records/result.ts'
import type { CompareRound } from '../report/compare-schema.ts'
import { percentileOf, sorted } from '../report/percentiles.ts'

/** CPU and memory of the target's process. */
export interface RoundCost {
  readonly cpuUs: number
  readonly rssBytes: number
}

type Figures = Omit<CompareRound, 'index' | 'target' | 'block' | 'positionInBlock' | 'seed' | 'startedAtMs'>

export function figuresOf(result: LoadResult, cost: RoundCost | undefined): Figures {
  const { records } = result
  const good = records.filter(({ outcome }) => outcome === 'ok')
  const count = (wanted: string) => records.filter(({ outcome }) => outcome === wanted).length
  const durationSeconds = records.reduce((latest, { endMs }) => Math.max(latest, endMs), 0) / 1000
  const latency = sorted(good.map(({ endMs, sentMs }) => endMs - sentMs))
  const ttft = sorted(
    good.flatMap(({ firstTokenMs, sentMs }) => (firstTokenMs === undefined ? [] : [firstTokenMs - sentMs])),
  )
  return {
    durationSeconds,
    requests: {
      sent: records.length,
      ok: good.length,
      failed: count('failed'),
      refused: count('refused'),
    },
    successPercent: (100 * good.length) / Math.max(1, records.length),
    requestsPerSecond: durationSeconds === 0 ? 0 : good.length / durationSeconds,
    ...(ttft.length === 0 ? {} : { ttftP50Ms: percentileOf(ttft, 50), ttftP99Ms: percentileOf(ttft, 99) }),
    // Without a correct response there is no latency; a 0 would beat every working target.
    ...(latency.length === 0
      ? {}
      : { latencyP50Ms: percentileOf(latency, 50), latencyP99Ms: percentileOf(latency, 99) }),
    ...(cost === undefined
      ? {}
      : { cpuUsPerRequest: cost.cpuUs / Math.max(1, records.length), rssBytes: cost.rssBytes }),
    isGeneratorLimit: isGeneratorLimit(result),
  }
}
