/** Arrays with an entry per request, as in the detailed result files of SGLang and vLLM. Pure. */
import type { RequestRecord } from '../../load/records/record.ts'

const MS = 1000

interface RequestArrays {
  readonly input_lens: readonly number[]
  readonly output_lens: readonly number[]
  /** In seconds; 0 without a token. */
  readonly ttfts: readonly number[]
  /** In seconds. */
  readonly itls: readonly (readonly number[])[]
  readonly generated_texts: readonly string[]
  /** Empty for a correct response. */
  readonly errors: readonly string[]
}

/** Ordered by request number, not by end. `itl` selects the times between chunks, or one entry per token. */
export function requestArrays(records: readonly RequestRecord[], itl: 'chunk' | 'token'): RequestArrays {
  const ordered = inOrder(records)
  return {
    input_lens: ordered.map(({ inputTokens }) => inputTokens),
    output_lens: ordered.map(({ outputTokens }) => outputTokens),
    ttfts: ordered.map(({ firstTokenMs, sentMs }) =>
      firstTokenMs === undefined ? 0 : (firstTokenMs - sentMs) / MS,
    ),
    itls: ordered.map(record => (itl === 'chunk' ? chunkGaps(record) : tokenGaps(record))),
    generated_texts: ordered.map(({ details }) => details?.text ?? ''),
    errors: ordered.map(errorOf),
  }
}

/** When each request was sent, how long it had waited, and its latency. Only vLLM's file has these arrays. */
export function sendingTimes(records: readonly RequestRecord[]) {
  const ordered = inOrder(records)
  return {
    start_times: ordered.map(({ sentMs }) => sentMs / MS),
    queue_times: ordered.map(({ sentMs, scheduledMs }) => (sentMs - scheduledMs) / MS),
    latencies: ordered.map(({ sentMs, endMs }) => (endMs - sentMs) / MS),
  }
}

function inOrder(records: readonly RequestRecord[]): readonly RequestRecord[] {
  return records.toSorted((a, b) => a.index - b.index)
}

function chunkGaps({ details }: RequestRecord): number[] {
  return details === undefined ? [] : Array.from(details.gapsMs, ms => ms / MS)
}

function tokenGaps({ details }: RequestRecord): number[] {
  if (details === undefined) return []
  const { gapsMs, gapTokens } = details
  return [...gapTokens].flatMap((tokens, index) =>
    Array<number>(tokens).fill((gapsMs[index] ?? 0) / tokens / MS),
  )
}

function errorOf({ outcome, failure, status }: RequestRecord): string {
  if (outcome === 'ok') return ''
  if (outcome === 'left') return 'client disconnected'
  return failure === undefined ? `refused: ${status}` : `${failure.kind}: ${failure.detail}`
}
