/** Responses of `/v1/messages`: one content block, a text or the call of a tool. */
import type { Sequence } from '../sequence/sequence.ts'
import { anthropicError, anthropicType } from './api-errors.ts'
import { outputTextJson } from './openai.ts'
import { failureOf, type RenderContext, type Renderer } from './renderer.ts'

export class MessagesRenderer implements Renderer {
  readonly done = ''
  readonly #context: RenderContext
  #hasStarted = false
  #hasBlock = false
  /** Number of tokens rendered. */
  #rendered = 0

  constructor(context: RenderContext) {
    this.#context = context
  }

  opening(): string {
    return ''
  }

  progress(sequence: Sequence): string {
    const text = outputTextJson(sequence, this.#rendered)
    this.#rendered = sequence.produced
    return text === '' ? '' : this.#start(sequence) + this.#openBlock() + this.#delta(text)
  }

  finish(sequence: Sequence): string {
    const failure = failureOf(sequence)
    if (failure === undefined) return this.progress(sequence)
    return this.#failure(sequence, anthropicType(failure.status), failure.message)
  }

  endsStream(sequence: Sequence): boolean {
    return failureOf(sequence) !== undefined
  }

  failure(status: number, message: string): string {
    return this.#failure(this.#only, anthropicType(status), message)
  }

  closing(): string {
    const sequence = this.#only
    if (failureOf(sequence) !== undefined) return ''
    const delta = { stop_reason: stopReason(sequence, this.#context) }
    const usage = { output_tokens: sequence.produced }
    return this.#start(sequence) + this.#closeBlock() + event('message_delta', { delta, usage }) + STOP
  }

  unaryBody(): string {
    const sequence = this.#only
    const text = outputTextJson(sequence, 0)
    const { tool } = this.#context.call
    const block =
      tool === undefined
        ? `{"type":"text","text":"${text}"}`
        : `{"type":"tool_use","id":"${callId(sequence)}","name":${JSON.stringify(tool)},"input":${inputOf(text)}}`
    const { id, model } = this.#head(sequence)
    return (
      `{"id":"${id}","type":"message","role":"assistant","content":[${block}],"model":${JSON.stringify(model)},` +
      `"stop_reason":"${stopReason(sequence, this.#context)}","usage":${JSON.stringify(this.#usage(sequence, sequence.produced))}}`
    )
  }

  get #only(): Sequence {
    const [sequence] = this.#context.call.sequences
    if (sequence === undefined) throw new RangeError('a message without a sequence')
    return sequence
  }

  #head({ spec }: Sequence): { readonly id: string; readonly model: string } {
    return { id: `msg_${spec.rid}`, model: this.#context.call.model }
  }

  /** Cached tokens are not part of the input tokens. */
  #usage({ promptTokens, cachedTokens }: Sequence, output: number): object {
    const cached = this.#context.knobs.enableCacheReport ? cachedTokens : 0
    const cacheRead = cached > 0 ? { cache_read_input_tokens: cached } : {}
    return { input_tokens: promptTokens - cached, output_tokens: output, ...cacheRead }
  }

  #start(sequence: Sequence, usage = this.#usage(sequence, 0)): string {
    if (this.#hasStarted) return ''
    this.#hasStarted = true
    const { id, model } = this.#head(sequence)
    const message = { id, type: 'message', role: 'assistant', content: [], model, usage }
    return event('message_start', { message })
  }

  #openBlock(): string {
    if (this.#hasBlock) return ''
    this.#hasBlock = true
    const { tool } = this.#context.call
    const block =
      tool === undefined
        ? { type: 'text', text: '' }
        : { type: 'tool_use', id: callId(this.#only), name: tool, input: {} }
    return event('content_block_start', { index: 0, content_block: block })
  }

  #delta(text: string): string {
    const delta =
      this.#context.call.tool === undefined
        ? `{"type":"text_delta","text":"${text}"}`
        : `{"type":"input_json_delta","partial_json":"${text}"}`
    return `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":${delta}}\n\n`
  }

  #closeBlock(): string {
    if (!this.#hasBlock) return ''
    this.#hasBlock = false
    return event('content_block_stop', { index: 0 })
  }

  /** A failure that comes first knows nothing of the prompt. */
  #failure(sequence: Sequence, type: string, message: string): string {
    const start = this.#start(sequence, { input_tokens: 0, output_tokens: 0 })
    return start + this.#closeBlock() + event('error', anthropicError(type, message)) + STOP
  }
}

const STOP = event('message_stop', {})

/** An abort without a status looks like an end. */
function stopReason({ ending }: Sequence, { call }: RenderContext): string {
  if (ending?.kind === 'length') return 'max_tokens'
  return ending?.kind === 'stop' && call.tool !== undefined ? 'tool_use' : 'end_turn'
}

function callId({ spec }: Sequence): string {
  return `toolu_${spec.rid.slice(0, 24)}`
}

/** A call that was cut has no input. */
function inputOf(escaped: string): string {
  const text: unknown = JSON.parse(`"${escaped}"`)
  try {
    return JSON.stringify(JSON.parse(String(text)))
  } catch {
    return '{}'
  }
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}
