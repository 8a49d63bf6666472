/** The mean and the maximum number of concurrent requests of a load. Pure. */
import type { LoadResult } from '../load/records/result.ts'

export function inFlightOf({ records, unfinished }: LoadResult, durationSeconds: number) {
  const open = [...records, ...unfinished]
  const openMs = open.reduce((sum, { sentMs, endMs }) => sum + endMs - sentMs, 0)
  return {
    mean: durationSeconds === 0 ? 0 : openMs / 1000 / durationSeconds,
    max: maxConcurrent(open),
  }
}

/** Sweeps over starts and ends in order of time. */
function maxConcurrent(requests: readonly { readonly sentMs: number; readonly endMs: number }[]): number {
  const begins = Float64Array.from(requests, ({ sentMs }) => sentMs).toSorted()
  const ends = Float64Array.from(requests, ({ endMs }) => endMs).toSorted()
  let max = 0
  let ended = 0
  for (const [begun, beginMs] of begins.entries()) {
    while ((ends[ended] ?? Infinity) <= beginMs) ended++
    max = Math.max(max, begun + 1 - ended)
  }
  return max
}
