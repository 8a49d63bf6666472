/**
 * The checks of a body that SGLang makes before anything else, from 0.5.23 on: types and ranges of known fields, and
 * unknown sampling parameters of `/generate`. Pure.
 *
 * `/generate` words them as the deserializer of a typed language does, and its error is a bare text.
 */
import { type Fields, isFields, RequestError } from './fields.ts'
import type { Endpoint } from './parameters.ts'

type Kind = 'number' | 'integer' | 'boolean' | 'text' | 'any'

const SAMPLING: Readonly<Record<string, Kind>> = {
  max_new_tokens: 'integer',
  min_new_tokens: 'integer',
  stop: 'any',
  stop_token_ids: 'any',
  stop_regex: 'any',
  temperature: 'number',
  top_p: 'number',
  top_k: 'integer',
  min_p: 'number',
  frequency_penalty: 'number',
  presence_penalty: 'number',
  repetition_penalty: 'number',
  n: 'integer',
  json_schema: 'text',
  regex: 'text',
  ebnf: 'text',
  structural_tag: 'text',
  ignore_eos: 'boolean',
  skip_special_tokens: 'boolean',
  spaces_between_special_tokens: 'boolean',
  no_stop_trim: 'boolean',
  custom_params: 'any',
  stream_interval: 'integer',
  logit_bias: 'any',
  sampling_seed: 'integer',
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  number: 'f64',
  integer: 'i64',
  boolean: 'a boolean',
  text: 'a string',
  any: 'any value',
}

const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

/** @throws RequestError for the first field that is refused. `dpSize` is the number of data-parallel ranks. */
export function checkSchema(endpoint: Endpoint, body: Fields, dpSize: number): void {
  if (endpoint === 'generate') checkSampling(body['sampling_params'])
  else checkOpenAi(endpoint, body)
  for (const name of ['data_parallel_rank', 'routed_dp_rank', 'disagg_prefill_dp_rank']) {
    const rank = body[name]
    if (typeof rank === 'number' && (rank < 0 || rank >= dpSize)) {
      throw new RequestError('value', `${name}=${rank} out of range [0, ${dpSize})`)
    }
  }
}

function checkSampling(given: unknown): void {
  for (const parameters of Array.isArray(given) ? given : [given]) {
    if (!isFields(parameters)) continue
    for (const [name, value] of Object.entries(parameters)) checkParameter(name, value)
    checkRange('temperature', parameters['temperature'], 0)
    checkRange('max_new_tokens', parameters['max_new_tokens'], 0)
    checkRange('n', parameters['n'], 1)
  }
}

function checkParameter(name: string, value: unknown): void {
  const kind = SAMPLING[name]
  if (kind === undefined) throw new RequestError('schema', `unknown field \`${name}\``)
  if (value === null || isOfKind(value, kind)) return
  throw new RequestError('schema', `invalid type: ${described(value)}, expected ${EXPECTED[kind]}`)
}

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'number':
      return typeof value === 'number'
    case 'integer':
      return Number.isInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'text':
      return typeof value === 'string'
    case 'any':
      return true
  }
}

function described(value: unknown): string {
  if (typeof value === 'string') return `string ${JSON.stringify(value)}`
  if (typeof value === 'number')
    return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``
  if (typeof value === 'boolean') return `boolean \`${value}\``
  return Array.isArray(value) ? 'sequence' : 'map'
}

function checkOpenAi(endpoint: Endpoint, body: Fields): void {
  checkRange('temperature', body['temperature'], 0)
  checkRange('max_tokens', body['max_tokens'], 0)
  checkRange('n', body['n'], 1)
  const { model, prompt, messages } = body
  if (typeof model === 'string' && model.includes(':')) {
    throw new RequestError(
      'value',
      `LoRA adapter '${model.slice(model.indexOf(':') + 1)}' was requested, but LoRA is not enabled.`,
    )
  }
  if (endpoint === 'completions' && prompt === '') throw new RequestError('value', 'Prompt cannot be empty')
  if (Array.isArray(messages)) for (const message of messages) checkMessage(message)
}

function checkMessage(message: unknown): void {
  if (!isFields(message)) return
  const { role, content } = message
  if (typeof role !== 'string' || !ROLES.has(role)) {
    throw new RequestError('validation', `1 validation error: body.messages: '${String(role)}' is not a role`)
  }
  const mayLackContent = role === 'assistant' || role === 'tool'
  if ((content === null || content === undefined) && !mayLackContent) {
    throw new RequestError(
      'validation',
      `1 validation error: body.messages: content of role '${role}' is missing`,
    )
  }
}

function checkRange(name: string, value: unknown, min: number): void {
  if (typeof value === 'number' && value < min) {
    throw new RequestError('value', `${name} must be at least ${min}, got ${value}.`)
  }
}
