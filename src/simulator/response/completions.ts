/** Answers of `/v1/completions`: the finish reason rides on the last text chunk. */

import { tokenAt } from '../sequence/output-script.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { isSilent } from './chat.ts'
import { openAiErrorEvent } from './envelopes.ts'
import { completionsLogprobs } from './openai-logprobs.ts'
import {
  chunkUsageJson,
  failureOf,
  finishJson,
  type RenderContext,
  type Renderer,
  usageJson,
} from './renderer.ts'

export class CompletionsRenderer implements Renderer {
  readonly #context: RenderContext
  /** Tokens told of each sequence. */
  readonly #rendered = new Map<Sequence, number>()

  constructor(context: RenderContext) {
    this.#context = context
  }

  progress(sequence: Sequence): string {
    return this.#chunk(sequence)
  }

  finish(sequence: Sequence): string {
    const failure = failureOf(sequence)
    if (failure !== undefined && !isSilent(this.#context))
      return openAiErrorEvent(failure.status, failure.message)
    return this.#chunk(sequence)
  }

  endsStream(sequence: Sequence): boolean {
    return failureOf(sequence) !== undefined && !isSilent(this.#context)
  }

  closing(): string {
    const { call } = this.#context
    const last = call.sequences.at(-1)
    if (!call.includesUsage || last === undefined) return ''
    const usage = usageJson(this.#context, call.sequences).replace('"prompt_tokens_details":null,', '')
    return `data: ${this.#head(last)},"choices":[],"usage":${usage}}\n\n`
  }

  unaryBody(): string {
    const { call } = this.#context
    const [first] = call.sequences
    if (first === undefined) return '{}'
    const choices = call.sequences.map(sequence => this.#choice(sequence, 0)).join(',')
    const usage = usageJson(this.#context, call.sequences)
    return `${this.#head(first)},"choices":[${choices}],"usage":${usage},"metadata":{"weight_version":"default"}}`
  }

  #chunk(sequence: Sequence): string {
    const { call } = this.#context
    const from = this.#rendered.get(sequence)
    this.#rendered.set(sequence, sequence.produced)
    const usage = call.continuousUsage ? chunkUsageJson(this.#context, sequence) : 'null'
    return `data: ${this.#head(sequence)},"choices":[${this.#choice(sequence, from)}],"usage":${usage}}\n\n`
  }

  /** `from` undefined: nothing of the sequence has been told. */
  #choice(sequence: Sequence, from: number | undefined): string {
    const { call, side } = this.#context
    const isFirst = from === undefined || !call.isStream
    let text = isFirst && call.echo ? JSON.stringify(sequence.spec.prompt.text).slice(1, -1) : ''
    for (let at = from ?? 0; at < sequence.produced; at++) text += tokenAt(sequence.script, at).json
    const logprobs = completionsLogprobs(sequence, from ?? 0, isFirst ? side : { ...side, hasInput: false })
    return `{"index":${sequence.spec.index},"text":"${text}","logprobs":${logprobs},${finishJson(sequence)}}`
  }

  #head(sequence: Sequence): string {
    const { createdSeconds, call } = this.#context
    const id = JSON.stringify(sequence.spec.rid)
    return `{"id":${id},"object":"text_completion","created":${createdSeconds},"model":${JSON.stringify(call.model)}`
  }
}
