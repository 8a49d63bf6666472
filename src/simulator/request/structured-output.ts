/**
 * What a request asks for besides free text: a JSON document, a call of a tool, or an end at certain strings. Pure.
 *
 * A chat with tools calls the first one, or the one that `tool_choice` names, unless its last message is a tool's result:
 * an agent that answers a call with a result gets text. `tool_choice` "none" gives text, "required" always a call.
 */
import { type Fields, isFields, RequestError } from './fields.ts'
import { instanceOf } from './json-instance.ts'

export interface StructuredOutput {
  /** Text of the output; undefined for free text. */
  readonly content: string | undefined
  /** Name of the tool that is called, with `content` as its arguments. */
  readonly tool: string | undefined
}

const FREE_TEXT: StructuredOutput = { content: undefined, tool: undefined }

/** Structured output of `/v1/chat/completions`. @throws RequestError for a schema or tool choice that is not valid. */
export function chatOutput(body: Fields): StructuredOutput {
  const tool = calledTool(body)
  if (tool !== undefined) return { content: JSON.stringify(instanceOf(tool.parameters)), tool: tool.name }
  return openAiOutput(body)
}

/** The field `response_format` of OpenAI's API. */
export function openAiOutput(body: Fields): StructuredOutput {
  const format = body['response_format']
  if (!isFields(format)) return FREE_TEXT
  if (format['type'] === 'json_object') return { content: JSON.stringify({ word: 'word' }), tool: undefined }
  const wrapper = format['json_schema']
  if (format['type'] !== 'json_schema' || !isFields(wrapper)) return FREE_TEXT
  return { content: JSON.stringify(instanceOf(wrapper['schema'])), tool: undefined }
}

/**
 * The sampling parameter `json_schema` of `/generate`, which is the text of a schema. A `regex` is checked, not followed.
 */
export function nativeOutput(parameters: Fields): StructuredOutput {
  const { json_schema: schema, regex } = parameters
  if (typeof regex === 'string') compiled(regex)
  if (typeof schema !== 'string') return FREE_TEXT
  return { content: JSON.stringify(instanceOf(parsed(schema))), tool: undefined }
}

/** The strings that end the output: a text or a list of texts. */
export function stopStrings(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
}

interface Tool {
  readonly name: string
  readonly parameters: unknown
}

function calledTool(body: Fields): Tool | undefined {
  const tools = Array.isArray(body['tools'])
    ? body['tools'].map(toolOf).filter(tool => tool !== undefined)
    : []
  const choice = body['tool_choice'] ?? 'auto'
  if (tools.length === 0 || choice === 'none') return undefined
  if (choice === 'required') return tools[0]
  if (isFields(choice)) {
    const named = isFields(choice['function']) ? choice['function']['name'] : undefined
    const tool = tools.find(({ name }) => name === named)
    if (tool === undefined)
      throw new RequestError('value', `Tool '${String(named)}' not found in tools list.`)
    return tool
  }
  return lastRole(body) === 'tool' ? undefined : tools[0]
}

function toolOf(value: unknown): Tool | undefined {
  const inner = isFields(value) ? value['function'] : undefined
  if (!isFields(inner) || typeof inner['name'] !== 'string') return undefined
  return { name: inner['name'], parameters: inner['parameters'] ?? { type: 'object' } }
}

function lastRole(body: Fields): unknown {
  const last: unknown = Array.isArray(body['messages']) ? body['messages'].at(-1) : undefined
  return isFields(last) ? last['role'] : undefined
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new RequestError('value', `Failed to compile regex grammar: ${String(error)}`)
  }
}

function parsed(schema: string): unknown {
  try {
    return JSON.parse(schema)
  } catch (error) {
    throw new RequestError('value', `Failed to compile json grammar: ${String(error)}`)
  }
}
