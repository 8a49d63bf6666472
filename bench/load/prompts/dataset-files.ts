/** Prompts from files: one JSON object per line, in the formats of other benchmarks. */

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { mix } from '../../../src/core/random.ts'
import { errorCode } from '../../../src/core/text/error-text.ts'
import { parseJson } from '../../../src/core/text/parse-json.ts'
import { MAX_PROMPT_TOKENS } from '../plan/plan.ts'
import type { Message, Prompt } from './prompt.ts'
import { wordsOf } from './words.ts'

/** Tokens in the block that a hash id of a Mooncake trace stands for. */
const MOONCAKE_BLOCK_TOKENS = 512

const messageSchema = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })

const promptLineSchema = z
  .object({
    prompt: z.string().optional(),
    text: z.string().optional(),
    messages: z.array(messageSchema).min(1).optional(),
    output_len: z.int().min(1).optional(),
    max_tokens: z.int().min(1).optional(),
  })
  .refine(line => line.prompt !== undefined || line.text !== undefined || line.messages !== undefined, {
    error: 'needs prompt, text or messages',
  })

const mooncakeLineSchema = z.object({
  timestamp: z.number().min(0),
  input_length: z.int().min(1).max(MAX_PROMPT_TOKENS),
  output_length: z.int().min(1),
  hash_ids: z.array(z.int()).default([]),
})

/** @throws Error that names the unreadable line. */
export function readPromptLines(path: string, outputTokens: number): readonly Prompt[] {
  return linesOf(path, promptLineSchema).map(line => ({
    messages: line.messages ?? [{ role: 'user', content: line.prompt ?? line.text ?? '' }],
    maxTokens: line.output_len ?? line.max_tokens ?? outputTokens,
  }))
}

export type TraceLine = z.output<typeof mooncakeLineSchema>

/** Lengths, shared prefixes and arrival times of real requests. @throws Error that names the unreadable line. */
export function readTrace(path: string): readonly TraceLine[] {
  return linesOf(path, mooncakeLineSchema)
}

/** Builds the prompt of one line on demand: the text of a whole trace would not fit into memory. */
export function tracedPrompt(line: TraceLine): Prompt {
  return { messages: [tracedMessage(line.input_length, line.hash_ids)], maxTokens: line.output_length }
}

/** Equal hash ids yield equal blocks of text. */
function tracedMessage(tokens: number, hashIds: readonly number[]): Message {
  let left = tokens
  let content = ''
  for (const id of hashIds) {
    const size = Math.min(left, MOONCAKE_BLOCK_TOKENS)
    content += wordsOf(mix(id), size)
    left -= size
  }
  return { role: 'user', content: content + wordsOf(mix(tokens), Math.max(0, left)) }
}

function linesOf<T extends z.ZodType>(path: string, schema: T): z.output<T>[] {
  const lines = textOf(path).split('\n')
  const parsed = lines.flatMap((line, index) =>
    line.trim() === '' ? [] : [parsedLine(line, `${path}:${index + 1}`, schema)],
  )
  if (parsed.length === 0) throw new Error(`${path} contains no prompts`)
  return parsed
}

/** Reads the file without the byte order mark that some editors write. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw new Error(`Cannot read ${path}: ${errorCode(cause) || String(cause)}`, { cause })
  }
}

function parsedLine<T extends z.ZodType>(line: string, location: string, schema: T): z.output<T> {
  const value = parseJson(line)
  if (value === undefined) throw new Error(`${location}: not JSON`)
  const { data, error } = schema.safeParse(value)
  if (data !== undefined) return data
  throw new Error(`${location}: ${issuesText(error)}`)
}

function issuesText(error: z.ZodError | undefined): string {
  const issues = error?.issues ?? []
  return issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ')
}
