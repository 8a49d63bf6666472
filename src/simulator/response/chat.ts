/** Responses of `/v1/chat/completions`. A stream has a role chunk, content chunks, a finish chunk and a usage chunk. */

import type { Sequence } from '../sequence/sequence.ts'
import { traitsOf } from '../settings/profiles.ts'
import { plainErrorEvent } from './envelopes.ts'
import {
  endsWithErrorEvent,
  failureEvent,
  headJson,
  outputTextJson,
  toolCallJson,
  unaryJson,
  usageChunk,
} from './openai.ts'
import { chatLogprobs } from './openai-logprobs.ts'
import { chunkUsageJson, DONE, finishJson, type RenderContext, type Renderer } from './renderer.ts'

const CHUNK = 'chat.completion.chunk'

export class ChatRenderer implements Renderer {
  readonly done = DONE
  readonly #context: RenderContext
  /** Number of tokens rendered of each sequence. Absent until its role chunk has been rendered. */
  readonly #rendered = new Map<Sequence, number>()

  constructor(context: RenderContext) {
    this.#context = context
  }

  opening(): string {
    return ''
  }

  progress(sequence: Sequence): string {
    return this.#role(sequence) + this.#content(sequence)
  }

  finish(sequence: Sequence): string {
    if (this.endsStream(sequence)) return failureEvent(sequence)
    const finish = finishJson(sequence, this.#context.call.tool)
    const last = `{"index":${sequence.spec.index},"delta":{"reasoning_content":null},"logprobs":null,${finish}}`
    return this.#role(sequence) + this.#content(sequence) + this.#chunk(sequence, last)
  }

  endsStream(sequence: Sequence): boolean {
    return endsWithErrorEvent(this.#context, sequence)
  }

  failure(status: number, message: string): string {
    return plainErrorEvent(status, message)
  }

  closing(): string {
    return usageChunk(this.#context, CHUNK, usage => usage)
  }

  unaryBody(): string {
    return unaryJson(this.#context, 'chat.completion', sequence => unaryChoice(sequence, this.#context))
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
    const text = outputTextJson(sequence, from)
    // A token without text, which is the first half of a character, has no chunk.
    if (text === '') return ''
    const logprobs = chatLogprobs(sequence, from)
    const { tool } = this.#context.call
    const content =
      tool === undefined ? `"content":"${text}"` : toolCallJson(sequence, from === 0 ? tool : undefined, text)
    return this.#chunk(
      sequence,
      `{"index":${sequence.spec.index},"delta":{"reasoning_content":null,${content}},` +
        `"logprobs":${logprobs},"finish_reason":null,"matched_stop":null}`,
    )
  }

  #chunk(sequence: Sequence, choice: string): string {
    const usage = this.#context.call.continuousUsage
      ? `,"usage":${chunkUsageJson(this.#context, sequence)}`
      : ''
    return `data: ${headJson(this.#context, sequence, CHUNK)},"choices":[${choice}]${usage}}\n\n`
  }
}

function unaryChoice(sequence: Sequence, { call: { tool }, knobs }: RenderContext): string {
  const text = outputTextJson(sequence, 0)
  const noCalls = traitsOf(knobs).hasNullToolCalls ? ',"tool_calls":null' : ''
  const message =
    tool === undefined
      ? `"content":"${text}","reasoning_content":null${noCalls}`
      : `"content":null,"reasoning_content":null,${toolCallJson(sequence, tool, text)}`
  return (
    `{"index":${sequence.spec.index},"message":{"role":"assistant",${message}},` +
    `"logprobs":${chatLogprobs(sequence, 0)},${finishJson(sequence, tool)}}`
  )
}
