/**
 * A generation request of any endpoint, read into sequences: one a prompt and choice.
 *
 * With a scalar room a batch gets room, room+1 ...; with a list each item its own. With n > 1 all choices of
 * a prompt share its room, which is what makes n > 1 fail on PD engines.
 */
import { randomUUID } from 'node:crypto'
import { type Prompt, Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'
import { entryOf, type Fields, fieldsOf, flagOf, integerOf, RequestError, stringOf } from './fields.ts'
import { type Endpoint, type RequestParameters, readParameters } from './parameters.ts'

export type { Endpoint } from './parameters.ts'

export interface Call {
  readonly endpoint: Endpoint
  readonly isStream: boolean
  /** Usage chunk at the end of a stream. */
  readonly includesUsage: boolean
  /** Usage in every chunk. */
  readonly continuousUsage: boolean
  readonly model: string
  /** Choices a prompt. */
  readonly n: number
  /** The native answer is a list. */
  readonly isBatch: boolean
  /** completions: the prompt goes before the answer. */
  readonly echo: boolean
  readonly priority: number | undefined
  readonly sequences: readonly Sequence[]
  /** Run before the others when n > 1, their output is dropped. */
  readonly primers: readonly Sequence[]
}

export function callOf(endpoint: Endpoint, body: Fields, knobs: Knobs): Call {
  const parameters = readParameters(endpoint, body, knobs)
  const n = Math.max(1, parameters.n)
  const streamOptions = fieldsOf(body, 'stream_options')
  const isStream = flagOf(body, 'stream')
  for (const [item, prompt] of parameters.prompts.entries())
    checkLength(prompt, parameters.maxTokens(item), knobs)
  const one = (item: number, choice: number) => sequenceOf({ parameters, body, knobs, item, choice, n })
  const items = [...parameters.prompts.keys()]
  return {
    endpoint,
    isStream,
    includesUsage: isStream && flagOf(streamOptions, 'include_usage'),
    continuousUsage: isStream && flagOf(streamOptions, 'continuous_usage_stats'),
    model: stringOf(body, 'model') ?? knobs.modelId,
    n,
    isBatch: parameters.isBatch || n > 1,
    echo: endpoint === 'completions' && flagOf(body, 'echo'),
    priority: integerOf(body, 'priority'),
    sequences: items.flatMap(item => Array.from({ length: n }, (_, choice) => one(item, choice))),
    primers: n > 1 ? items.map(item => one(item, -1)) : [],
  }
}

interface SequenceSource {
  readonly parameters: RequestParameters
  readonly body: Fields
  readonly knobs: Knobs
  readonly item: number
  /** -1: the primer of the item. */
  readonly choice: number
  readonly n: number
}

function sequenceOf(source: SequenceSource): Sequence {
  const { parameters, body, knobs, item, choice, n } = source
  const prompt = parameters.prompts[item]
  if (prompt === undefined) throw new RangeError(`no prompt ${item}`)
  return new Sequence({
    rid: n > 1 ? newRid() : ridOf(body, parameters, item),
    index: item * n + Math.max(0, choice),
    prompt,
    maxTokens: choice < 0 ? 0 : parameters.maxTokens(item),
    ignoreEos: parameters.ignoreEos(item),
    scriptSeed: knobs.scriptSeed,
    bootstrapHost: hostOf(body, item),
    bootstrapPort: portOf(body, item),
    room: roomOf(body, item),
    logprobs: parameters.logprobs(item),
  })
}

function ridOf(body: Fields, parameters: RequestParameters, item: number): string {
  const given = body['rid']
  if (given === undefined || given === null) return newRid()
  if (Array.isArray(given)) return String(entryOf(given, item))
  if (typeof given !== 'string') {
    throw new RequestError('validation', '1 validation error: body.rid: Input should be a valid string')
  }
  return parameters.isBatch ? `${given}_${item}` : given
}

function newRid(): string {
  return randomUUID().replaceAll('-', '')
}

function hostOf(body: Fields, item: number): string | undefined {
  const host = entryOf(body['bootstrap_host'], item)
  return typeof host === 'string' ? host : undefined
}

function portOf(body: Fields, item: number): number | undefined {
  const port = entryOf(body['bootstrap_port'], item)
  return typeof port === 'number' ? port : undefined
}

function roomOf(body: Fields, item: number): number | undefined {
  const given = body['bootstrap_room']
  const room = entryOf(given, item)
  if (typeof room !== 'number') return undefined
  return Array.isArray(given) ? room : room + item
}

function checkLength(prompt: Prompt, maxTokens: number, knobs: Knobs): void {
  const { contextLen } = knobs
  if (knobs.rejectOn !== '' && prompt.text.includes(knobs.rejectOn)) {
    throw new RequestError('value', `The prompt holds ${knobs.rejectOn}.`)
  }
  if (prompt.tokens >= contextLen) {
    throw new RequestError(
      'value',
      `The input (${prompt.tokens} tokens) is longer than the model's context length (${contextLen} tokens).`,
    )
  }
  if (prompt.tokens + maxTokens > contextLen) {
    throw new RequestError(
      'value',
      `Requested token count exceeds the model's maximum context length of ${contextLen} tokens. ` +
        `You requested a total of ${prompt.tokens + maxTokens} tokens: ${prompt.tokens} tokens from the ` +
        `input messages and ${maxTokens} tokens for the completion. Please reduce the number of tokens in ` +
        'the input messages or the completion to fit within the limit.',
    )
  }
}
