/** Answers of `/v1/chat/completions`: role chunk, content chunks, finish chunk, usage chunk. */

import { tokenAt } from '../sequence/output-script.ts'
import type { Sequence } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'
import { openAiErrorEvent } from './envelopes.ts'
import { chatLogprobs } from './openai-logprobs.ts'
import {
  chunkUsageJson,
  failureOf,
  finishJson,
  type RenderContext,
  type Renderer,
  usageJson,
} from './renderer.ts'

export class ChatRenderer implements Renderer {
  readonly #context: RenderContext
  /** Tokens told of each sequence; absent until its role chunk is out. */
  readonly #rendered = new Map<Sequence, number>()

  constructor(context: RenderContext) {
    this.#context = context
  }

  progress(sequence: Sequence): string {
    return this.#role(sequence) + this.#content(sequence)
  }

  finish(sequence: Sequence): string {
    const failure = failureOf(sequence)
    if (failure !== undefined && !isSilent(this.#context))
      return openAiErrorEvent(failure.status, failure.message)
    const last = `{"index":${sequence.spec.index},"delta":{"reasoning_content":null},"logprobs":null,${finishJson(sequence)}}`
    return this.#role(sequence) + this.#content(sequence) + this.#chunk(sequence, last)
  }

  endsStream(sequence: Sequence): boolean {
    return failureOf(sequence) !== undefined && !isSilent(this.#context)
  }

  closing(): string {
    const { call } = this.#context
    const last = call.sequences.at(-1)
    if (!call.includesUsage || last === undefined) return ''
    return `data: ${this.#head(last, 'chat.completion.chunk')},"choices":[],"usage":${usageJson(this.#context, call.sequences)}}\n\n`
  }

  unaryBody(): string {
    const { call } = this.#context
    const [first] = call.sequences
    if (first === undefined) return '{}'
    const choices = call.sequences.map(unaryChoice).join(',')
    const usage = usageJson(this.#context, call.sequences)
    const metadata = '"metadata":{"weight_version":"default"}'
    return `${this.#head(first, 'chat.completion')},"choices":[${choices}],"usage":${usage},${metadata}}`
  }

  #role(sequence: Sequence): string {
    if (this.#rendered.has(sequence)) return ''
    this.#rendered.set(sequence, 0)
    const delta = '{"reasoning_content":null,"role":"assistant","content":""}'
    return this.#chunk(
      sequence,
      `{"index":${sequence.spec.index},"delta":${delta},"logprobs":null,"finish_reason":null,"matched_stop":null}`,
    )
  }

  #content(sequence: Sequence): string {
    const from = this.#rendered.get(sequence) ?? 0
    this.#rendered.set(sequence, sequence.produced)
    let text = ''
    for (let at = from; at < sequence.produced; at++) text += tokenAt(sequence.script, at).json
    // A token that decodes to nothing yet makes no chunk.
    if (text === '') return ''
    const logprobs = chatLogprobs(sequence, from)
    return this.#chunk(
      sequence,
      `{"index":${sequence.spec.index},"delta":{"reasoning_content":null,"content":"${text}"},` +
        `"logprobs":${logprobs},"finish_reason":null,"matched_stop":null}`,
    )
  }

  #chunk(sequence: Sequence, choice: string): string {
    const usage = this.#context.call.continuousUsage
      ? `,"usage":${chunkUsageJson(this.#context, sequence)}`
      : ''
    return `data: ${this.#head(sequence, 'chat.completion.chunk')},"choices":[${choice}]${usage}}\n\n`
  }

  #head(sequence: Sequence, object: string): string {
    const { createdSeconds, call } = this.#context
    const id = JSON.stringify(sequence.spec.rid)
    return `{"id":${id},"object":"${object}","created":${createdSeconds},"model":${JSON.stringify(call.model)}`
  }
}

/** Whether failed streams end with finish_reason "abort" and nothing else. */
export function isSilent({ knobs }: RenderContext): boolean {
  return knobs.abortStatusAsInt || (knobs.silentAbort ?? traitsOf(knobs).silentAbort)
}

function unaryChoice(sequence: Sequence): string {
  let text = ''
  for (let at = 0; at < sequence.produced; at++) text += tokenAt(sequence.script, at).json
  return (
    `{"index":${sequence.spec.index},"message":{"role":"assistant","content":"${text}",` +
    `"reasoning_content":null,"tool_calls":null},"logprobs":${chatLogprobs(sequence, 0)},${finishJson(sequence)}}`
  )
}
