/**
 * One prompt on its way through one engine: what was asked, how far the answer is, how it ended.
 *
 * Schedulers move it on; the HTTP side listens. It knows neither queues nor wire shapes.
 */
import { type Script, scriptOf } from './output-script.ts'
import { END_TOKEN } from './vocabulary.ts'

/** `status` null: aborted by a user, answered with 200. */
export type Ending =
  | { readonly kind: 'stop'; readonly matched: number }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'abort'; readonly message: string; readonly status: number | null }

export interface Prompt {
  /** What the script is made from. */
  readonly text: string
  readonly tokens: number
  /** Set when the client sent ids. */
  readonly ids: readonly number[] | undefined
}

export interface LogprobParameters {
  /** First prompt token with a logprob; -1 = none of the prompt. */
  readonly startLen: number
  readonly top: number
  readonly tokenIds: readonly number[] | undefined
  readonly withText: boolean
}

export interface SequenceSpec {
  readonly rid: string
  /** Place in the answer: prompt times n. */
  readonly index: number
  readonly prompt: Prompt
  readonly maxTokens: number
  readonly ignoreEos: boolean
  readonly scriptSeed: number
  readonly bootstrapHost: string | undefined
  readonly bootstrapPort: number | undefined
  readonly room: number | undefined
  readonly logprobs: LogprobParameters | undefined
}

export interface SequenceListener {
  /** `isOvertaken`: more tokens are due at this moment. */
  progressed(sequence: Sequence, isNextDue: boolean): void
  ended(sequence: Sequence): void
}

export class Sequence {
  readonly spec: SequenceSpec
  script: Script
  /** As the engine counts them: 1 when its scheduler has put a dummy in the prompt's place. */
  promptTokens: number
  cachedTokens = 0
  retractions = 0
  produced = 0
  /** Tokens of KV cache that it holds in this engine. */
  kvHeld = 0
  ending: Ending | undefined
  /** The scheduler has been given it. */
  isSubmitted = false
  /** Somebody has given it up before that. */
  isAbortWanted = false
  /** Engine clock, ms. */
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
    })
  }

  /** One token more; the last one ends it. `isOvertaken`: the one after it is due, too. */
  produce(isNextDue: boolean): void {
    this.produced++
    if (this.produced < this.script.length) this.listener?.progressed(this, isNextDue)
    else this.finish()
  }

  finish(): void {
    this.produced = Math.min(this.produced, this.script.length)
    if (this.script.finish === 'stop') this.end({ kind: 'stop', matched: END_TOKEN.id })
    else this.end({ kind: 'length', length: this.produced })
  }

  end(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    this.listener?.ended(this)
  }

  /** Another text than the prompt's: what decode makes of a KV cache that is not the prompt's. */
  spoil(): void {
    this.script = scriptOf(`garbage ${this.spec.prompt.text.slice(0, 64)}`, {
      seed: this.spec.scriptSeed + 1,
      maxTokens: this.spec.maxTokens,
      ignoreEos: true,
    })
  }
}
