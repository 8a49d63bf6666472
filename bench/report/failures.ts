/** Failures of a load, counted by kind. Pure. */
import type { RequestRecord } from '../load/records/record.ts'
import type { LoadResult } from '../load/records/result.ts'
import type { Failures } from './schema.ts'

/** Failures and refusals by kind, most frequent first, with an example of each. */
export function failuresOf({ records }: Pick<LoadResult, 'records'>): Failures {
  const wrong = records.filter(({ outcome }) => outcome === 'failed' || outcome === 'refused')
  const kinds = Object.entries(Object.groupBy(wrong, nameOf)).map(
    ([name, ofKind = []]) => [name, summaryOf(ofKind)] as const,
  )
  return Object.fromEntries(kinds.toSorted(([, a], [, b]) => b.count - a.count))
}

/** What went wrong, most frequent first; undefined if nothing did. `sent` may be more than the requests that ended. */
export function failureText(result: Pick<LoadResult, 'records'>, sent: number): string | undefined {
  const counts = Object.entries(failuresOf(result)).map(([kind, { count, example }]) => ({
    kind,
    count,
    example,
  }))
  const lost = sent - result.records.length
  if (lost > 0) counts.push({ kind: 'no response in time', count: lost, example: '' })
  const parts = counts
    .toSorted((a, b) => b.count - a.count)
    .map(({ kind, count, example }) => `${count} x ${kind}${example === '' ? '' : ` (${example})`}`)
  return parts.length === 0 ? undefined : parts.join('; ')
}

function summaryOf(ofKind: readonly RequestRecord[]): Failures[string] {
  const endsMs = ofKind.map(({ endMs }) => endMs)
  return {
    count: ofKind.length,
    example: ofKind[0]?.failure?.detail ?? '',
    firstSeconds: endsMs.reduce((a, b) => Math.min(a, b), Infinity) / 1000,
    lastSeconds: endsMs.reduce((a, b) => Math.max(a, b), 0) / 1000,
  }
}

function nameOf({ failure, status }: RequestRecord): string {
  if (failure === undefined) return `refused ${status}`
  return failure.kind === 'status' ? `status ${status}` : failure.kind
}
