/**
 * A parsed generation request of any endpoint, with one sequence for each prompt and choice.
 *
 * If `bootstrap_room` is a number, the prompts of a batch use room, room + 1, ...; if it is a list, each uses its own.
 * With n > 1 all choices of a prompt share its room, which makes n > 1 hang on PD engines (SGLang 2026-07).
 */
import { randomUUID } from 'node:crypto'
import { type Prompt, Sequence } from '../sequence/sequence.ts'
import type { Knobs } from '../settings/knobs.ts'
import { traitsOf } from '../settings/profiles.ts'
import { entryOf, type Fields, fieldsOf, flagOf, integerOf, RequestError, stringOf } from './fields.ts'
import { type Endpoint, readParameters } from './parameters.ts'
import { checkRanks, type NamedRanks, ranksOf } from './ranks.ts'
import type { RequestParameters } from './request-parameters.ts'
import { checkSchema } from './schema-check.ts'

export type { Endpoint } from './parameters.ts'

export interface Call {
  readonly endpoint: Endpoint
  readonly isStream: boolean
  /** Whether the stream ends with a usage chunk. */
  readonly includesUsage: boolean
  /** Whether every chunk has usage. */
  readonly continuousUsage: boolean
  readonly model: string
  /** Number of choices per prompt; at least 1. */
  readonly n: number
  /** Whether the response of `/generate` is a list. */
  readonly isBatch: boolean
  /** Whether the prompt precedes the output; only for `/v1/completions`. */
  readonly echo: boolean
  readonly priority: number | undefined
  /** Name of the tool that the output calls; not for `/generate` and `/v1/completions`. */
  readonly tool: string | undefined
  /** Whether the output could have called a tool. */
  readonly mayCallTools: boolean
  /** The fields of the request that the response may repeat; none but for `/v1/responses`. */
  readonly repeated: Fields
  readonly sequences: readonly Sequence[]
  /** Sequences that run before the others if n > 1, to fill the prefix cache. Their output is discarded. */
  readonly primers: readonly Sequence[]
}

export function callOf(endpoint: Endpoint, body: Fields, knobs: Knobs): Call {
  const { checksSchema, frontend } = traitsOf(knobs)
  if (checksSchema) checkSchema(endpoint, body)
  checkRanks(body, knobs.dpSize)
  const parameters = readParameters(endpoint, body, knobs)
  const n = Math.max(1, parameters.n)
  const isRust = frontend === 'rust'
  checkValues(endpoint, parameters, knobs)
  // Messages, and completions of the Rust front end, are named by the engine: no client can abort one by its rid.
  const ignoresRid = endpoint === 'messages' || (isRust && endpoint === 'completions')
  const ranks = ranksOf(body)
  const sequenceFor = (item: number, choice: number) =>
    sequenceOf({ parameters, body, knobs, ranks, item, choice, n, ignoresRid, ridKey: ridKeyOf(endpoint) })
  const items = [...parameters.prompts.keys()]
  return {
    endpoint,
    ...streamFlags(body),
    model: stringOf(body, 'model') ?? knobs.modelId,
    n,
    isBatch: parameters.isBatch || n > 1,
    echo: endpoint === 'completions' && flagOf(body, 'echo'),
    priority: integerOf(body, 'priority'),
    tool: parameters.output(0).tool,
    mayCallTools: mayCallTools(body),
    repeated: endpoint === 'responses' ? body : {},
    sequences: items.flatMap(item => Array.from({ length: n }, (_, choice) => sequenceFor(item, choice))),
    primers: n > 1 ? items.map(item => sequenceFor(item, -1)) : [],
  }
}

function ridKeyOf(endpoint: Endpoint): SequenceSource['ridKey'] {
  return endpoint === 'responses' ? 'request_id' : 'rid'
}

function mayCallTools({ tools, tool_choice }: Fields): boolean {
  return Array.isArray(tools) && tools.length > 0 && tool_choice !== 'none'
}

function streamFlags(body: Fields): Pick<Call, 'isStream' | 'includesUsage' | 'continuousUsage'> {
  const options = fieldsOf(body, 'stream_options')
  const isStream = flagOf(body, 'stream')
  return {
    isStream,
    includesUsage: isStream && flagOf(options, 'include_usage'),
    continuousUsage: isStream && flagOf(options, 'continuous_usage_stats'),
  }
}

interface SequenceSource {
  readonly parameters: RequestParameters
  readonly body: Fields
  readonly knobs: Knobs
  readonly ranks: NamedRanks
  readonly item: number
  /** Index of the choice; -1 is the primer of the prompt. */
  readonly choice: number
  readonly n: number
  readonly ignoresRid: boolean
  readonly ridKey: 'rid' | 'request_id'
}

function sequenceOf(source: SequenceSource): Sequence {
  const { parameters, body, knobs, item, choice, n } = source
  const prompt = parameters.prompts[item]
  if (prompt === undefined) throw new RangeError(`no prompt ${item}`)
  return new Sequence({
    rid: n > 1 || source.ignoresRid ? newRid(source.ignoresRid) : ridOf(source),
    index: item * n + Math.max(0, choice),
    prompt,
    cacheKey: cacheKeyOf(body, item),
    maxTokens: choice < 0 ? 0 : parameters.maxTokens(item),
    ignoreEos: parameters.ignoreEos(item),
    content: parameters.output(item).content,
    stop: parameters.stop(item),
    scriptSeed: knobs.scriptSeed,
    bootstrapHost: hostOf(body, item),
    bootstrapPort: portOf(body, item),
    room: roomOf(body, item),
    routedRank: source.ranks.routed,
    prefillRank: source.ranks.prefill,
    logprobs: parameters.logprobs(item),
  })
}

function ridOf({ body, parameters, item, ridKey }: SequenceSource): string {
  const given = body[ridKey]
  if (given === undefined || given === null) return newRid()
  if (Array.isArray(given)) return String(entryOf(given, item))
  if (typeof given !== 'string') {
    throw new RequestError('validation', `1 validation error: body.${ridKey}: Input should be a valid string`)
  }
  return parameters.isBatch ? `${given}_${item}` : given
}

/** As SGLang joins them (0.5.23, `serving_base.py`, `schedule_batch.py`). */
function cacheKeyOf({ cache_salt, extra_key, lora_path }: Fields, item: number): string {
  const given = [cache_salt, extra_key, lora_path].map(value => (Array.isArray(value) ? value[item] : value))
  return given.filter(value => typeof value === 'string').join('')
}

function newRid(isCompletion = false): string {
  return (isCompletion ? 'cmpl-' : '') + randomUUID().replaceAll('-', '')
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

function checkValues(endpoint: Endpoint, parameters: RequestParameters, knobs: Knobs): void {
  if (parameters.n !== 1 && endpoint === 'generate' && traitsOf(knobs).frontend === 'rust') {
    throw new RequestError(
      'value',
      `validation failed: n must be 1 (parallel sampling is not supported), got ${parameters.n}`,
    )
  }
  // The engine looks at the number only where it makes several sequences of a request (SGLang 0.5.23, `io_struct.py`).
  const isOneSequence = endpoint === 'generate' && !parameters.isBatch
  if (parameters.n < 1 && !isOneSequence)
    throw new RequestError('value', `n must be at least 1, got ${parameters.n}.`)
  for (const [item, prompt] of parameters.prompts.entries())
    checkLength(prompt, parameters.maxTokens(item), knobs)
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
