/** Entry i of each array is about request i, as sglang's and vLLM's result files have them when details are wanted. Pure. */
import type { RequestRecord } from '../load/record.ts'

const MS = 1000

interface RequestArrays {
  readonly input_lens: readonly number[]
  readonly output_lens: readonly number[]
  /** Seconds; 0 without a token. */
  readonly ttfts: readonly number[]
  /** Seconds. */
  readonly itls: readonly (readonly number[])[]
  readonly generated_texts: readonly string[]
  /** Empty of a good answer. */
  readonly errors: readonly string[]
}

/** The order is that of the requests, not of their ends. `itl`: between pieces, or an entry a token. */
export function requestArrays(records: readonly RequestRecord[], itl: 'piece' | 'token'): RequestArrays {
  const ordered = inOrder(records)
  return {
    input_lens: ordered.map(({ inputTokens }) => inputTokens),
    output_lens: ordered.map(({ outputTokens }) => outputTokens),
    ttfts: ordered.map(({ firstTokenMs, sentMs }) =>
      firstTokenMs === undefined ? 0 : (firstTokenMs - sentMs) / MS,
    ),
    itls: ordered.map(record => (itl === 'piece' ? pieceGaps(record) : tokenGaps(record))),
    generated_texts: ordered.map(({ details }) => details?.text ?? ''),
    errors: ordered.map(errorOf),
  }
}

/** When each was sent since the start of the run, after how long a wait, and what it took; vLLM's file alone has it. */
export function sendingTimes(records: readonly RequestRecord[]) {
  const ordered = inOrder(records)
  return {
    start_times: ordered.map(({ sentMs }) => sentMs / MS),
    queue_times: ordered.map(({ sentMs, scheduledMs }) => (sentMs - scheduledMs) / MS),
    latencies: ordered.map(({ sentMs, endMs }) => (endMs - sentMs) / MS),
  }
}

function inOrder(records: readonly RequestRecord[]): readonly RequestRecord[] {
  return records.toSorted((one, other) => one.index - other.index)
}

function pieceGaps({ details }: RequestRecord): number[] {
  return details === undefined ? [] : Array.from(details.gapsMs, ms => ms / MS)
}

function tokenGaps({ details }: RequestRecord): number[] {
  if (details === undefined) return []
  const { gapsMs, gapTokens } = details
  return [...gapTokens].flatMap((tokens, at) => Array<number>(tokens).fill((gapsMs[at] ?? 0) / tokens / MS))
}

function errorOf({ outcome, failure, status }: RequestRecord): string {
  if (outcome === 'ok') return ''
  if (outcome === 'left') return 'the client left'
  return failure === undefined ? `refused: ${status}` : `${failure.kind}: ${failure.detail}`
}
