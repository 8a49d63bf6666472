/** Reads the parameters of `/v1/responses` and `/v1/messages`, which SGLang 0.5.23 turns into a chat. */
import { type ChatMessage, chatPromptText } from '../sequence/output-script.ts'
import type { Prompt } from '../sequence/sequence.ts'
import { textPrompt } from '../sequence/tokenizer.ts'
import type { Knobs } from '../settings/knobs.ts'
import { type Fields, fieldsOf, flagOf, integerOf, isFields, RequestError, stringOf } from './fields.ts'
import type { RequestParameters } from './request-parameters.ts'
import { chatOutput, type StructuredOutput, stopStrings } from './structured-output.ts'

/** SGLang keeps room for two tokens of its own (0.5.23). */
const KEPT_TOKENS = 2

export function responsesParameters(body: Fields, knobs: Knobs): RequestParameters {
  checkState(body)
  const model = stringOf(body, 'model')
  if (model === undefined)
    throw new RequestError(
      'value',
      '1 validation error for ChatCompletionRequest: model: Input should be a valid string',
    )
  if (model !== knobs.modelId) throw new RequestError('missing', `The model '${model}' does not exist`)
  const limit = integerOf(body, 'max_output_tokens')
  const maxTokens = limit === undefined ? knobs.defaultChatTokens : limit - KEPT_TOKENS
  if (maxTokens < 0) throw new RequestError('value', `max_new_tokens must be at least 0, got ${maxTokens}.`)
  return parametersOf(body, {
    prompt: responsesPrompt(body),
    maxTokens,
    output: chatOutput(responsesChat(body)),
  })
}

export function messagesParameters(body: Fields): RequestParameters {
  if (stringOf(body, 'model') === undefined) throw new RequestError('validation', 'model: Field required')
  const maxTokens = integerOf(body, 'max_tokens')
  if (maxTokens === undefined) throw new RequestError('validation', 'max_tokens: Field required')
  if (maxTokens <= 0)
    throw new RequestError('validation', 'max_tokens: Value error, max_tokens must be positive')
  const prompt = messagesPrompt(body)
  return parametersOf(body, { prompt, maxTokens, output: chatOutput(messagesChat(body)) })
}

/** The prompt of `/v1/messages`, also where its tokens are only counted. */
export function messagesPrompt(body: Fields): Prompt {
  const { messages, system } = body
  if (!Array.isArray(messages) || !messages.every(isFields))
    throw new RequestError('validation', 'messages: Field required')
  const before: ChatMessage[] = system === undefined || system === null ? [] : [{ content: system }]
  return textPrompt(chatPromptText([...before, ...messages]))
}

function responsesPrompt(body: Fields): Prompt {
  const { input } = body
  const instructions = stringOf(body, 'instructions')
  const before: ChatMessage[] = instructions === undefined ? [] : [{ content: instructions }]
  if (typeof input === 'string') return textPrompt(chatPromptText([...before, { content: input }]))
  if (!Array.isArray(input) || !input.every(isFields))
    throw new RequestError('validation', '1 validation error: body.input: Field required')
  const items = input.map(item => ({ content: item['content'] ?? item['output'] ?? item['arguments'] }))
  return textPrompt(chatPromptText([...before, ...items]))
}

/** A prefill or decode engine has no store, and none has one by default. */
function checkState(body: Fields): void {
  const isStateful = stringOf(body, 'previous_response_id') !== undefined || flagOf(body, 'background')
  if (!isStateful) return
  throw new RequestError(
    'value',
    'Response store is disabled. Stateful Responses require --enable-response-store on a standalone server; ' +
      'response storage is unavailable in PD mode.',
  )
}

interface AgentParameters {
  readonly prompt: Prompt
  readonly maxTokens: number
  readonly output: StructuredOutput
}

function parametersOf(body: Fields, { prompt, maxTokens, output }: AgentParameters): RequestParameters {
  const stop = stopStrings(body['stop_sequences'] ?? body['stop'])
  return {
    prompts: [prompt],
    isBatch: false,
    n: 1,
    maxTokens: () => maxTokens,
    ignoreEos: () => false,
    output: () => output,
    stop: () => stop,
    logprobs: () => undefined,
  }
}

/** The request as a chat, as far as tools and formats go. */
function responsesChat(body: Fields): Fields {
  const tools = listOf(body['tools']).map(tool => ({ function: tool }))
  const { format } = fieldsOf(body, 'text')
  const schema = isFields(format) && format['type'] === 'json_schema' ? { json_schema: format } : {}
  return {
    messages: [{ role: hasResult(body['input'], 'function_call_output') ? 'tool' : 'user' }],
    tools,
    tool_choice: namedChoice(body['tool_choice']),
    ...(isFields(format) ? { response_format: { ...format, ...schema } } : {}),
  }
}

const CHOICES: Readonly<Record<string, string>> = { any: 'required', auto: 'auto', none: 'none' }

function messagesChat(body: Fields): Fields {
  const tools = listOf(body['tools']).map(({ name, input_schema }) => ({
    function: { name, parameters: input_schema },
  }))
  const choice = body['tool_choice']
  const named = isFields(choice) ? CHOICES[String(choice['type'])] : undefined
  const last: unknown = Array.isArray(body['messages']) ? body['messages'].at(-1) : undefined
  const isAnswer = isFields(last) && hasResult(last['content'], 'tool_result')
  return {
    messages: [{ role: isAnswer ? 'tool' : 'user' }],
    tools,
    tool_choice: named ?? namedChoice(choice),
  }
}

/** `{"type":"function","name":"f"}` and `{"type":"tool","name":"f"}` as chat has it. */
function namedChoice(choice: unknown): unknown {
  return isFields(choice) && typeof choice['name'] === 'string'
    ? { type: 'function', function: { name: choice['name'] } }
    : choice
}

function hasResult(items: unknown, type: string): boolean {
  return listOf(items).at(-1)?.['type'] === type
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : []
}
