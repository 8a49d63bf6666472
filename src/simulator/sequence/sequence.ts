/**
 * The generation of one output for one prompt in one engine: its parameters, its progress and its ending.
 *
 * A scheduler advances it and a listener on the HTTP side observes it. It knows neither queues nor response formats.
 */
import { type Script, scriptOf } from './output-script.ts'

/** Why a sequence ended. An abort with `status` null was requested by a user; HTTP reports it with 200. */
export type Ending =
  /** `matched` is the id of the end token, or a stop string. */
  | { readonly kind: 'stop'; readonly matched: number | string }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'abort'; readonly message: string; readonly status: number | null }

export interface Prompt {
  /** The text that determines the output script. */
  readonly text: string
  /** Length in tokens. */
  readonly tokens: number
  /** Token ids, if the client sent them instead of text. */
  readonly ids: readonly number[] | undefined
}

export interface LogprobParameters {
  /** Index of the first prompt token with a logprob; -1 means none of the prompt. */
  readonly startLen: number
  /** Number of most likely tokens to return per position. */
  readonly top: number
  /** Token ids whose logprobs are returned for each position. */
  readonly tokenIds: readonly number[] | undefined
  readonly withText: boolean
  /** The most likely tokens of the prompt come as flat arrays with their shape. */
  readonly isFlat: boolean
}

export interface SequenceSpec {
  readonly rid: string
  /** Index in the response: the index of the prompt, times n, plus that of the choice. */
  readonly index: number
  readonly prompt: Prompt
  /** Equal prompts share KV cache only if this is equal, too. */
  readonly cacheKey: string
  readonly maxTokens: number
  readonly ignoreEos: boolean
  /** Text of the output, if it is a JSON document. */
  readonly content: string | undefined
  readonly stop: readonly string[]
  readonly scriptSeed: number
  readonly bootstrapHost: string | undefined
  readonly bootstrapPort: number | undefined
  readonly room: number | undefined
  /** Data-parallel rank of this engine that the request names. */
  readonly routedRank: number | undefined
  /** Data-parallel rank of the prefill engine that the request names. */
  readonly prefillRank: number | undefined
  readonly logprobs: LogprobParameters | undefined
}

export interface SequenceListener {
  /** Called for each token but the last. `nextDue`: the next token is due too, because the engine is catching up. */
  progressed(sequence: Sequence, nextDue: boolean): void
  ended(sequence: Sequence): void
}

export class Sequence {
  readonly spec: SequenceSpec
  script: Script
  /** Prompt length as the engine counts it: 1 if the scheduler has replaced the prompt by a dummy token. */
  promptTokens: number
  cachedTokens = 0
  /** The data-parallel rank of this engine that has it. */
  rank = 0
  retractions = 0
  /** Output tokens so far. */
  produced = 0
  /** KV cache of this engine that the sequence holds, in tokens. */
  kvHeld = 0
  ending: Ending | undefined
  /** Whether the scheduler has received it. */
  submitted = false
  /** Whether it is to be aborted as soon as the scheduler has received it. */
  abortRequested = false
  /** Time on the clock of the engine, in milliseconds. */
  startedMs = 0
  endedMs = 0
  listener: SequenceListener | undefined

  constructor(spec: SequenceSpec) {
    this.spec = spec
    this.promptTokens = spec.prompt.tokens
    this.script = scriptOf(spec.prompt.text, {
      seed: spec.scriptSeed,
      maxTokens: spec.maxTokens,
      ignoreEos: spec.ignoreEos,
      content: spec.content,
      stop: spec.stop,
    })
  }

  /** Produces one token; the last one ends the sequence. `nextDue` is passed on to the listener. */
  produce(nextDue: boolean): void {
    this.produced++
    if (this.produced < this.script.length) this.listener?.progressed(this, nextDue)
    else this.finish()
  }

  finish(): void {
    this.produced = Math.min(this.produced, this.script.length)
    if (this.script.finish === 'stop') this.end({ kind: 'stop', matched: this.script.matched })
    else this.end({ kind: 'length', length: this.produced })
  }

  end(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    this.listener?.ended(this)
  }

  /** Replaces the output by a different text, as a decode engine produces from a KV cache that is not the prompt's. */
  spoil(): void {
    this.script = scriptOf(`garbage ${this.spec.prompt.text.slice(0, 64)}`, {
      seed: this.spec.scriptSeed + 1,
      maxTokens: this.spec.maxTokens,
      ignoreEos: true,
    })
  }
}
