/** How many requests of a load were open at a time. Pure. */
import type { LoadResult } from '../load/result.ts'

export function inFlightOf({ records, unfinished }: LoadResult, durationSeconds: number) {
  const open = [...records, ...unfinished]
  const openMs = open.reduce((sum, { sentMs, endMs }) => sum + endMs - sentMs, 0)
  return {
    mean: durationSeconds === 0 ? 0 : openMs / 1000 / durationSeconds,
    most: mostAtOnce(open),
  }
}

/** By a line that sweeps over beginnings and ends. */
function mostAtOnce(requests: readonly { readonly sentMs: number; readonly endMs: number }[]): number {
  const begins = Float64Array.from(requests, ({ sentMs }) => sentMs).toSorted()
  const ends = Float64Array.from(requests, ({ endMs }) => endMs).toSorted()
  let most = 0
  let ended = 0
  for (const [begun, beginMs] of begins.entries()) {
    while ((ends[ended] ?? Infinity) <= beginMs) ended++
    most = Math.max(most, begun + 1 - ended)
  }
  return most
}
