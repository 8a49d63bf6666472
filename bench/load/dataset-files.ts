/** Prompts from files: one JSON object a line, in the shapes that other benchmarks write. */

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { errorCode } from '../../src/core/error-text.ts'
import { mix } from '../../src/core/hash.ts'
import type { Message, Prompt } from './prompt.ts'
import { MOST_WORDS, wordsOf } from './words.ts'

/** Tokens that a hash id of a Mooncake trace stands for. */
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
    error: 'prompt, text or messages is needed',
  })

const mooncakeLineSchema = z.object({
  timestamp: z.number().min(0),
  input_length: z.int().min(1).max(MOST_WORDS),
  output_length: z.int().min(1),
  hash_ids: z.array(z.int()).default([]),
})

/** @throws Error naming the line that cannot be read. */
export function readPromptLines(path: string, outputTokens: number): readonly Prompt[] {
  return linesOf(path, promptLineSchema).map(line => ({
    messages: line.messages ?? [{ role: 'user', content: line.prompt ?? line.text ?? '' }],
    maxTokens: line.output_len ?? line.max_tokens ?? outputTokens,
  }))
}

export type TraceLine = z.output<typeof mooncakeLineSchema>

/** Lengths, shared beginnings and times of real requests. @throws Error naming the line that cannot be read. */
export function readTrace(path: string): readonly TraceLine[] {
  return linesOf(path, mooncakeLineSchema)
}

/** Made when asked for: the text of a whole trace would not fit into memory. */
export function tracedPrompt(line: TraceLine): Prompt {
  return { messages: [tracedMessage(line.input_length, line.hash_ids)], maxTokens: line.output_length }
}

/** Equal hash ids make equal blocks of text. */
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
  const parsed = lines.flatMap((line, at) =>
    line.trim() === '' ? [] : [parsedLine(line, `${path}:${at + 1}`, schema)],
  )
  if (parsed.length === 0) throw new Error(`${path} holds no prompt`)
  return parsed
}

/** Without the mark that some editors put before the first line. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw new Error(`${path} cannot be read: ${errorCode(cause) || String(cause)}`, { cause })
  }
}

function parsedLine<T extends z.ZodType>(line: string, place: string, schema: T): z.output<T> {
  const value = jsonOf(line)
  if (value === undefined) throw new Error(`${place}: not JSON`)
  const { data, error } = schema.safeParse(value)
  if (data !== undefined) return data
  throw new Error(`${place}: ${issuesText(error)}`)
}

function issuesText(error: z.ZodError | undefined): string {
  const issues = error?.issues ?? []
  return issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')).join('; ')
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
