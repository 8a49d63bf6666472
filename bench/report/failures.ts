/** What went wrong in a load, counted by kind. */
import type { LoadResult } from '../load/result.ts'

/** Failures and refusals by kind, with an example of each. */
export function failureCounts({
  records,
}: LoadResult): ReadonlyMap<string, { count: number; example: string }> {
  const counts = new Map<string, { count: number; example: string }>()
  for (const { outcome, failure, status } of records) {
    if (outcome === 'ok' || outcome === 'left') continue
    const name = failure?.kind ?? `refused ${status}`
    const known = counts.get(name) ?? { count: 0, example: failure?.detail ?? '' }
    known.count++
    counts.set(name, known)
  }
  return counts
}
