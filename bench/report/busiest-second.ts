/**
 * The busiest second of a load, as SGLang's bench_serving (0.5.23) and vLLM's `bench serve` (0.32.0) count it. Pure.
 *
 * Both divide the time from the first start into whole seconds. A request is counted in every second that it touches, so
 * the maximum is higher than the number of requests that were ever in flight at once. Only successful requests count.
 */
import type { LoadResult } from '../load/records/result.ts'

export interface BusiestSecond {
  /** Most chunks with text that arrived in one second. A response that is not streamed is one chunk. */
  readonly chunks: number
  /** Most requests that touched one second. */
  readonly requests: number
}

export function busiestSecondOf({ records, maxChunksPerSecond }: LoadResult): BusiestSecond {
  const good = records.filter(({ outcome }) => outcome === 'ok')
  const firstMs = good.reduce((first, { sentMs }) => Math.min(first, sentMs), Infinity)
  const secondOf = (ms: number) => Math.floor((ms - firstMs) / 1000)
  const changes = new Map<number, number>()
  const change = (second: number, by: number) => changes.set(second, (changes.get(second) ?? 0) + by)
  for (const { sentMs, endMs } of good) {
    change(secondOf(sentMs), 1)
    change(secondOf(endMs) + 1, -1)
  }
  let [requests, touching] = [0, 0]
  for (const second of [...changes.keys()].toSorted((a, b) => a - b)) {
    touching += changes.get(second) ?? 0
    requests = Math.max(requests, touching)
  }
  return { chunks: maxChunksPerSecond, requests }
}
