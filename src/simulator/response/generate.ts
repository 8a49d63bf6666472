/**
 * Responses of `/generate`. Stream events contain all the text so far, or only new text with incremental streaming.
 *
 * Text and ids are kept as JSON to which tokens are appended, so that an event needs no serialization.
 */
import { logprobFields } from '../sequence/logprobs.ts'
import { tokenAt } from '../sequence/output-script.ts'
import type { Ending, Sequence } from '../sequence/sequence.ts'
import { type ProfileTraits, traitsOf } from '../settings/profiles.ts'
import { CLIENT_GONE, plainErrorEvent } from './envelopes.ts'
import { DONE, type RenderContext, type Renderer, weightVersions } from './renderer.ts'

interface RenderedTokens {
  /** Number of tokens rendered so far. */
  tokens: number
  /** Index of the first token in `text` and `ids`; 0 without incremental streaming. */
  from: number
  text: string
  ids: string
}

export class GenerateRenderer implements Renderer {
  readonly done = DONE
  readonly #context: RenderContext
  readonly #rendered = new Map<Sequence, RenderedTokens>()

  constructor(context: RenderContext) {
    this.#context = context
  }

  opening(): string {
    return ''
  }

  progress(sequence: Sequence): string {
    return `data: ${this.#object(sequence, false)}\n\n`
  }

  finish(sequence: Sequence): string {
    return `data: ${this.#object(sequence, true)}\n\n`
  }

  endsStream(): boolean {
    return false
  }

  failure(status: number, message: string): string {
    return plainErrorEvent(status, message)
  }

  closing(): string {
    return ''
  }

  unaryBody(): string {
    const { sequences, isBatch } = this.#context.call
    const bodies = sequences.map(sequence => this.#object(sequence, true))
    return isBatch ? `[${bodies.join(',')}]` : (bodies[0] ?? '')
  }

  #object(sequence: Sequence, isLast: boolean): string {
    const { call, knobs } = this.#context
    const rendered = this.#catchUp(sequence)
    const index = call.isStream && call.isBatch ? `,"index":${sequence.spec.index}` : ''
    if (isLast && this.#isRust) {
      const failed = rustFailure(sequence)
      if (failed !== undefined) return failed
    }
    const meta = `"meta_info":${this.#metaInfo(sequence, rendered.from, isLast)}`
    const ids = `"output_ids":[${rendered.ids}]`
    const object = `{"text":"${rendered.text}",${this.#isRust ? `${meta},${ids}` : `${ids},${meta}`}${index}}`
    if (call.isStream && knobs.incrementalStreaming) {
      rendered.from = rendered.tokens
      rendered.text = ''
      rendered.ids = ''
    }
    return object
  }

  get #isRust(): boolean {
    return traitsOf(this.#context.knobs).frontend === 'rust'
  }

  #catchUp(sequence: Sequence): RenderedTokens {
    const rendered = this.#renderedTokens(sequence)
    for (; rendered.tokens < sequence.produced; rendered.tokens++) {
      const token = tokenAt(sequence.script, rendered.tokens)
      rendered.text += token.json
      rendered.ids += rendered.ids === '' ? `${token.id}` : `,${token.id}`
    }
    return rendered
  }

  #renderedTokens(sequence: Sequence): RenderedTokens {
    const known = this.#rendered.get(sequence)
    if (known !== undefined) return known
    const rendered: RenderedTokens = { tokens: 0, from: 0, text: '', ids: '' }
    this.#rendered.set(sequence, rendered)
    return rendered
  }

  #metaInfo(sequence: Sequence, from: number, isLast: boolean): string {
    const { knobs, side, call } = this.#context
    const { spec } = sequence
    const logprobs =
      spec.logprobs === undefined ? '' : `,${inner(logprobFields(sequence, from, sideAt(side, from)))}`
    const pythonOnly = this.#isRust ? '' : pythonFields(sequence, traitsOf(knobs), knobs.dpSize)
    const versions = isLast && traitsOf(knobs).hasTokenDetails ? `,${weightVersions(sequence.produced)}` : ''
    return (
      `{"id":${JSON.stringify(spec.rid)},"finish_reason":${isLast ? finishReason(sequence.ending) : 'null'},` +
      `"prompt_tokens":${sequence.promptTokens},"weight_version":"default",${pythonOnly}"reasoning_tokens":0,` +
      `"completion_tokens":${sequence.produced},"cached_tokens":${sequence.cachedTokens}` +
      `${versions}${logprobs}${isLast ? latency(sequence, !call.isStream && !this.#isRust) : ''}}`
    )
  }
}

/** What the Rust front end puts in the place of a prompt that was aborted or refused; undefined for other endings. */
function rustFailure({ ending }: Sequence): string | undefined {
  if (ending?.kind !== 'abort') return undefined
  const [message, code] = ending.status === null ? [CLIENT_GONE, 499] : [ending.message, ending.status]
  return JSON.stringify({ error: { message, code } })
}

/** With incremental streaming, only the first event has the logprobs of the prompt. */
function sideAt(side: RenderContext['side'], from: number): RenderContext['side'] {
  return from === 0 ? side : { ...side, hasInput: false }
}

function finishReason(ending: Ending | undefined): string {
  switch (ending?.kind) {
    case 'stop':
      return `{"type":"stop","matched":${JSON.stringify(ending.matched)}}`
    case 'length':
      return `{"type":"length","length":${ending.length}}`
    case 'abort': {
      const { message, status } = ending
      const errType = status === 400 ? '"BadRequestError"' : 'null'
      return `{"type":"abort","message":${JSON.stringify(message)},"status_code":${status},"err_type":${errType}}`
    }
    case undefined:
      return 'null'
  }
}

/** Members that the front end in Rust leaves out. */
function pythonFields(
  { retractions, cachedTokens, rank }: Sequence,
  { retractionsField, numbersSingleRank, hasTokenDetails }: ProfileTraits,
  dpSize: number,
): string {
  const cached = cachedTokens === 0 ? 'null' : `{"device":${cachedTokens},"host":0}`
  const details = hasTokenDetails ? `"cached_tokens_details":${cached},` : ''
  const named = dpSize > 1 || numbersSingleRank ? rank : null
  return `"${retractionsField}":${retractions},${details}"dp_rank":${named},`
}

function latency(sequence: Sequence, namesSending: boolean): string {
  const seconds = Math.max(0, (sequence.endedMs - sequence.startedMs) / 1000).toFixed(4)
  const sent = namesSending ? `,"response_sent_to_client_ts":${(Date.now() / 1000).toFixed(2)}` : ''
  return `,"e2e_latency":${Number(seconds)}${sent}`
}

function inner(fields: object): string {
  return JSON.stringify(fields).slice(1, -1)
}
