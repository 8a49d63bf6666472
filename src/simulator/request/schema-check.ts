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

const FORMATS = new Set(['text', 'json_object', 'json_schema', 'structural_tag'])
const ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function'])

/** @throws RequestError for the first field that is refused. */
export function checkSchema(endpoint: Endpoint, body: Fields): void {
  if (endpoint === 'generate') {
    checkText(body['text'])
    checkSampling(body['sampling_params'])
  } else if (endpoint === 'chat' || endpoint === 'completions') checkOpenAi(endpoint, body)
}

function checkText(text: unknown): void {
  if (text === undefined || text === null || typeof text === 'string' || Array.isArray(text)) return
  throw new RequestError('validation', '1 validation error: body.text: Input should be a valid string')
}

function checkSampling(given: unknown): void {
  for (const parameters of Array.isArray(given) ? given : [given]) {
    if (!isFields(parameters)) continue
    for (const [name, value] of Object.entries(parameters)) checkParameter(name, value)
    checkRange('temperature', parameters['temperature'], 0)
    checkRange('max_new_tokens', parameters['max_new_tokens'], 0)
    checkShare(parameters['top_p'])
    checkMinimum(parameters)
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
  checkShare(body['top_p'])
  checkRange('n', body['n'], 1)
  const { model, prompt, messages, max_tokens: maxTokens } = body
  if (endpoint === 'chat') checkRange('max_tokens', maxTokens, 0)
  else if (typeof maxTokens === 'number' && maxTokens <= 0) {
    throw new RequestError(
      'validation',
      '1 validation error: body.max_tokens: Value error, max_tokens must be positive',
    )
  }
  checkStructure(body)
  if (typeof model === 'string' && model.includes(':')) {
    throw new RequestError(
      'value',
      `LoRA adapter '${model.slice(model.indexOf(':') + 1)}' was requested, but LoRA is not enabled.`,
    )
  }
  if (endpoint === 'completions' && prompt === '') throw new RequestError('value', 'Prompt cannot be empty')
  if (Array.isArray(messages)) for (const message of messages) checkMessage(message)
}

/** Formats and tools that are not what OpenAI's API defines. */
function checkStructure({ response_format: format, tools, tool_choice: choice }: Fields): void {
  if (isFields(format) && !FORMATS.has(String(format['type']))) {
    throw new RequestError('validation', '1 validation error: body.response_format: unknown type')
  }
  const functions = Array.isArray(tools) ? tools.filter(isFields).map(tool => tool['function']) : []
  if (functions.some(inner => isFields(inner) && typeof inner['name'] !== 'string')) {
    throw new RequestError('validation', '1 validation error: body.tools.function.name: Field required')
  }
  if (isFields(choice) && functions.length === 0) {
    throw new RequestError('value', 'Tools cannot be empty if tool choice is set to a specific tool.')
  }
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

/** `top_p` is above 0 and at most 1. */
function checkShare(share: unknown): void {
  if (typeof share === 'number' && (share <= 0 || share > 1)) {
    throw new RequestError('value', `top_p must be in (0, 1], got ${share}.`)
  }
}

function checkMinimum({ min_new_tokens: min, max_new_tokens: max = 128 }: Fields): void {
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    throw new RequestError('value', `min_new_tokens must be in [0, max_new_tokens(${max})], got ${min}.`)
  }
}
