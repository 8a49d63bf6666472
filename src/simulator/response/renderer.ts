/** What every answer shape can do; the shapes themselves are in the files beside this one. */
import type { Call } from '../request/call.ts'
import type { LogprobSide } from '../sequence/logprobs.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'

/**
 * Renders one call. Stream methods return server-sent events, '' when there is nothing to say yet.
 * No socket, no state of the scheduler: a renderer only reads sequences.
 */
export interface Renderer {
  /** Tokens produced since the last time. */
  progress(sequence: Sequence): string
  /** The rest of a sequence that has ended. */
  finish(sequence: Sequence): string
  /** Whether this end is the end of the whole stream, other sequences or not. */
  endsStream(sequence: Sequence): boolean
  /** What comes between the last sequence and [DONE]. */
  closing(): string
  /** Body of an answer that is not a stream; all sequences have ended. */
  unaryBody(): string
}

export interface RenderContext {
  readonly call: Call
  readonly knobs: Knobs
  readonly side: LogprobSide
  /** Unix time, seconds. */
  readonly createdSeconds: number
}

/** JSON of the `usage` object: the prompt counts once for all its choices. */
export function usageJson(context: RenderContext, sequences: readonly Sequence[]): string {
  const { call } = context
  const counts = { prompt: 0, cached: 0, completion: 0 }
  for (const sequence of sequences) {
    counts.completion += sequence.produced
    if (sequence.spec.index % call.n !== 0) continue
    counts.prompt += sequence.promptTokens
    counts.cached += sequence.cachedTokens
  }
  return countsJson(context, counts)
}

/** `usage` of a chunk, with `continuous_usage_stats`: that of its own choice, whichever of the prompt's it is. */
export function chunkUsageJson(context: RenderContext, sequence: Sequence): string {
  const { promptTokens: prompt, cachedTokens: cached, produced: completion } = sequence
  return countsJson(context, { prompt, cached, completion })
}

interface TokenCounts {
  readonly prompt: number
  readonly cached: number
  readonly completion: number
}

function countsJson({ knobs }: RenderContext, { prompt, cached, completion }: TokenCounts): string {
  const details = knobs.enableCacheReport ? `{"cached_tokens":${cached}}` : 'null'
  return (
    `{"prompt_tokens":${prompt},"total_tokens":${prompt + completion},"completion_tokens":${completion},` +
    `"prompt_tokens_details":${details},"reasoning_tokens":0}`
  )
}

/** The abort with a status that a sequence has ended by, undefined for any other end. */
export function failureOf(sequence: Sequence): { status: number; message: string } | undefined {
  const { ending } = sequence
  if (ending?.kind !== 'abort' || ending.status === null) return undefined
  return { status: ending.status, message: ending.message }
}

/** `finish_reason` and `matched_stop` of an OpenAI choice, as JSON. */
export function finishJson(sequence: Sequence): string {
  const { ending } = sequence
  const matched = ending?.kind === 'stop' ? ending.matched : null
  return `"finish_reason":${ending === undefined ? 'null' : `"${ending.kind}"`},"matched_stop":${matched}`
}
