/**
 * Responses of `/v1/responses`: one output item, a message or the call of a function.
 *
 * Where functions could be called, SGLang holds back a message until it is complete (0.5.23).
 */
import type { Sequence } from '../sequence/sequence.ts'
import { outputTextJson } from './openai.ts'
import { failureOf, type RenderContext, type Renderer } from './renderer.ts'
import { outputItem, responseObject } from './response-object.ts'

export class ResponsesRenderer implements Renderer {
  readonly done = ''
  readonly #context: RenderContext
  #events = 0
  #hasItem = false
  /** Number of tokens rendered. */
  #rendered = 0

  constructor(context: RenderContext) {
    this.#context = context
  }

  opening(): string {
    const response = responseObject(this.#context, { status: 'in_progress' })
    return this.#event('response.created', { response }) + this.#event('response.in_progress', { response })
  }

  progress(sequence: Sequence): string {
    const { tool, mayCallTools } = this.#context.call
    if (mayCallTools && tool === undefined) return ''
    return this.#content(sequence)
  }

  finish(sequence: Sequence): string {
    return this.#content(sequence) + this.#closeItem(sequence)
  }

  endsStream(sequence: Sequence): boolean {
    return failureOf(sequence) !== undefined
  }

  failure(_status: number, message: string): string {
    const error = { code: 'server_error', message }
    return this.#event('response.failed', {
      response: responseObject(this.#context, { status: 'failed', error }),
    })
  }

  closing(): string {
    const status = statusOf(this.#only)
    return this.#event(`response.${status}`, { response: this.#whole(status) })
  }

  unaryBody(): string {
    return JSON.stringify(this.#whole(statusOf(this.#only)))
  }

  get #only(): Sequence {
    const [sequence] = this.#context.call.sequences
    if (sequence === undefined) throw new RangeError('a response without a sequence')
    return sequence
  }

  #whole(status: string): object {
    const message = errorOf(this.#only)
    const error = message === undefined ? null : { code: 'server_error', message }
    const text = textOf(this.#only)
    const output = text === '' ? [] : [outputItem(this.#context, this.#only, { text, status: 'completed' })]
    return responseObject(this.#context, { status, output, error, sequence: this.#only })
  }

  #content(sequence: Sequence): string {
    const text = outputTextJson(sequence, this.#rendered)
    this.#rendered = sequence.produced
    if (text === '') return ''
    const delta: unknown = JSON.parse(`"${text}"`)
    const part = this.#isCall ? {} : { content_index: 0, logprobs: [] }
    return (
      this.#openItem(sequence) +
      this.#event(`${this.#kind}.delta`, { ...this.#position(sequence), ...part, delta })
    )
  }

  get #isCall(): boolean {
    return this.#context.call.tool !== undefined
  }

  get #kind(): string {
    return this.#isCall ? 'response.function_call_arguments' : 'response.output_text'
  }

  #position(sequence: Sequence): object {
    const { id } = outputItem(this.#context, sequence, { text: '', status: 'in_progress' })
    return { item_id: id, output_index: 0 }
  }

  #openItem(sequence: Sequence): string {
    if (this.#hasItem) return ''
    this.#hasItem = true
    const item = outputItem(this.#context, sequence, { text: undefined, status: 'in_progress' })
    const added = this.#event('response.output_item.added', { output_index: 0, item })
    if (this.#isCall) return added
    return added + this.#event('response.content_part.added', { ...this.#position(sequence), ...partOf('') })
  }

  #closeItem(sequence: Sequence): string {
    if (!this.#hasItem) return ''
    this.#hasItem = false
    const text = textOf(sequence)
    const position = this.#position(sequence)
    const item = outputItem(this.#context, sequence, { text, status: 'completed' })
    const done = this.#isCall
      ? this.#event(`${this.#kind}.done`, { ...position, arguments: text, name: this.#context.call.tool })
      : this.#event(`${this.#kind}.done`, { ...position, content_index: 0, text, logprobs: [] }) +
        this.#event('response.content_part.done', { ...position, ...partOf(text) })
    return done + this.#event('response.output_item.done', { output_index: 0, item })
  }

  #event(type: string, fields: object): string {
    const payload = { type, ...fields, sequence_number: this.#events++ }
    return `event: ${type}\ndata: ${JSON.stringify(payload)}\n\n`
  }
}

function partOf(text: string): object {
  return { content_index: 0, part: { type: 'output_text', text, annotations: [], logprobs: null } }
}

function textOf(sequence: Sequence): string {
  return String(JSON.parse(`"${outputTextJson(sequence, 0)}"`))
}

/** Every abort is a failure here, also one that the client asked for. */
function errorOf({ ending }: Sequence): string | undefined {
  return ending?.kind === 'abort' ? ending.message || 'Generation aborted' : undefined
}

function statusOf({ ending }: Sequence): string {
  if (ending?.kind === 'abort') return 'failed'
  return ending?.kind === 'length' ? 'incomplete' : 'completed'
}
