/** The interface of the response formats, and what they share. The formats are in the other files of this folder. */
import type { Call } from '../request/call.ts'
import type { LogprobSide } from '../sequence/logprobs.ts'
import type { Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'
import { traitsOf } from '../settings/profiles.ts'

/**
 * Renders the response to one call. A renderer reads sequences only; it has access to neither socket nor scheduler.
 *
 * The methods for streams return server-sent events, or an empty string if there is nothing to send yet.
 */
export interface Renderer {
  /** What ends a stream after `closing`. */
  readonly done: string
  /** The events with which a stream starts before anything is generated. */
  opening(): string
  /** The tokens that have been produced since the previous event. */
  progress(sequence: Sequence): string
  /** The remaining events of a sequence that has ended. */
  finish(sequence: Sequence): string
  /** Whether the end of this sequence ends the stream even if other sequences are running. */
  endsStream(sequence: Sequence): boolean
  /** The events of a failure that is no sequence's. */
  failure(status: number, message: string): string
  /** The events between the end of the last sequence and `done`. */
  closing(): string
  /** The body of a response that is not streamed. To be called when all sequences have ended. */
  unaryBody(): string
}

export interface RenderContext {
  readonly call: Call
  readonly knobs: Knobs
  readonly side: LogprobSide
  /** Unix time in seconds. */
  readonly createdSeconds: number
}

/** The `usage` object as JSON. A prompt counts once, however many choices it has. */
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

/** The `usage` object of a chunk as JSON, for `continuous_usage_stats`. It counts the choice of the chunk only. */
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
    `"prompt_tokens_details":${details},"reasoning_tokens":0` +
    `${traitsOf(knobs).hasTokenDetails ? ',"completion_tokens_details":null' : ''}}`
  )
}

/** The member `weight_versions` as JSON: one version for all `produced` tokens. */
export function weightVersions(produced: number): string {
  return `"weight_versions":[{"version":"default","start":0,"end":${produced}}]`
}

/** Whether a stream sends its head before anything is generated. Chat and completions wait for the first event. */
export function sendsHeadAtOnce({ endpoint, isStream }: Call, knobs: Knobs): boolean {
  const isChat = endpoint === 'chat' || endpoint === 'completions'
  return isStream && !(isChat && traitsOf(knobs).headWithFirstEvent)
}

/** What ends the streams of `/generate`, chat and completions. */
export const DONE = 'data: [DONE]\n\n'

/** The abort with a status by which a sequence has ended; undefined for any other ending. */
export function failureOf(sequence: Sequence): { status: number; message: string } | undefined {
  const { ending } = sequence
  if (ending?.kind !== 'abort' || ending.status === null) return undefined
  return { status: ending.status, message: ending.message }
}

/** `finish_reason` and `matched_stop` of an OpenAI choice, as JSON. A whole tool call ends with "tool_calls". */
export function finishJson({ ending }: Sequence, tool?: string): string {
  if (ending === undefined) return '"finish_reason":null,"matched_stop":null'
  const isCall = tool !== undefined && ending.kind === 'stop'
  const matched = ending.kind === 'stop' && !isCall ? JSON.stringify(ending.matched) : null
  return `"finish_reason":"${isCall ? 'tool_calls' : ending.kind}","matched_stop":${matched}`
}
