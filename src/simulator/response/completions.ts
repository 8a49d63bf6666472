/** Responses of `/v1/completions`. The finish reason is in the last text chunk of a stream. */

import type { Sequence } from '../sequence/sequence.ts'
import { plainErrorEvent } from './envelopes.ts'
import {
  endsWithErrorEvent,
  failureEvent,
  headJson,
  outputTextJson,
  unaryJson,
  usageChunk,
} from './openai.ts'
import { completionsLogprobs } from './openai-logprobs.ts'
import { chunkUsageJson, DONE, finishJson, type RenderContext, type Renderer } from './renderer.ts'

const OBJECT = 'text_completion'

export class CompletionsRenderer implements Renderer {
  readonly done = DONE
  readonly #context: RenderContext
  /** Number of tokens rendered of each sequence. */
  readonly #rendered = new Map<Sequence, number>()

  constructor(context: RenderContext) {
    this.#context = context
  }

  opening(): string {
    return ''
  }

  progress(sequence: Sequence): string {
    return this.#chunk(sequence)
  }

  finish(sequence: Sequence): string {
    return this.endsStream(sequence) ? failureEvent(sequence) : this.#chunk(sequence)
  }

  endsStream(sequence: Sequence): boolean {
    return endsWithErrorEvent(this.#context, sequence)
  }

  failure(status: number, message: string): string {
    return plainErrorEvent(status, message)
  }

  closing(): string {
    return usageChunk(this.#context, OBJECT, withoutDetails)
  }

  unaryBody(): string {
    return unaryJson(this.#context, OBJECT, sequence => this.#choice(sequence, 0))
  }

  #chunk(sequence: Sequence): string {
    const from = this.#rendered.get(sequence)
    this.#rendered.set(sequence, sequence.produced)
    const usage = this.#context.call.continuousUsage ? chunkUsageJson(this.#context, sequence) : 'null'
    return `data: ${headJson(this.#context, sequence, OBJECT)},"choices":[${this.#choice(sequence, from)}],"usage":${usage}}\n\n`
  }

  /** `from` is the first token to render; undefined if nothing of the sequence has been rendered. */
  #choice(sequence: Sequence, from: number | undefined): string {
    const { call, side } = this.#context
    const isFirst = from === undefined || !call.isStream
    const echo = isFirst && call.echo ? JSON.stringify(sequence.spec.prompt.text).slice(1, -1) : ''
    const text = echo + outputTextJson(sequence, from ?? 0)
    const logprobs = completionsLogprobs(sequence, from ?? 0, isFirst ? side : { ...side, hasInput: false })
    return `{"index":${sequence.spec.index},"text":"${text}","logprobs":${logprobs},${finishJson(sequence)}}`
  }
}

/** The usage chunk of completions leaves out what is null in that of a chat. */
function withoutDetails(usage: string): string {
  return usage.replace('"prompt_tokens_details":null,', '').replace(',"completion_tokens_details":null', '')
}
