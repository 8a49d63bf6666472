/** Prompts of a run, without downloads: the request's number and the seed decide what it asks. */
import { mix } from '../../src/core/hash.ts'
import { readPromptLines, readTrace, tracedPrompt } from './dataset-files.ts'
import type { Dataset } from './plan.ts'
import type { Message, Prompt } from './prompt.ts'
import { wordsOf } from './words.ts'

export interface Prompts {
  readonly at: (index: number) => Prompt
  /** When the dataset wants it sent, milliseconds from the start; unset: it does not say. */
  readonly dueMs?: (index: number) => number
}

/** @throws Error when a file of prompts cannot be read, with its line. */
export function promptsOf(dataset: Dataset, seed: number): Prompts {
  const base = mix(seed)
  switch (dataset.kind) {
    case 'prompts':
      return { at: index => fixedPrompt(dataset, base, index) }
    case 'random':
      return { at: index => randomPrompt(dataset, base, index) }
    case 'shared-prefix':
      return { at: index => sharedPrefixPrompt(dataset, base, index) }
    case 'multi-turn':
      return { at: index => multiTurnPrompt(dataset, base, index) }
    case 'jsonl': {
      const lines = readPromptLines(dataset.path, dataset.outputTokens)
      return { at: index => cycled(lines, index) }
    }
    case 'mooncake':
      return tracedPrompts(dataset)
  }
}

type Of<K extends Dataset['kind']> = Extract<Dataset, { kind: K }>

function fixedPrompt({ prompts, minTokens, maxTokens }: Of<'prompts'>, base: number, index: number): Prompt {
  const text = prompts[mix(base + index) % prompts.length] ?? ''
  const spread = Math.max(0, maxTokens - minTokens) + 1
  // The number makes each answer another one: a swapped answer is then seen as a wrong one.
  return userPrompt(`${text} (${index})`, minTokens + (mix(base ^ Math.imul(index + 1, 31)) % spread))
}

function randomPrompt(
  { inputTokens, outputTokens, rangeRatio }: Of<'random'>,
  base: number,
  index: number,
): Prompt {
  const own = mix(base + index)
  const length = (most: number, salt: number) => {
    const least = Math.max(1, Math.floor(most * rangeRatio))
    return least + (mix(own + salt) % (most - least + 1))
  }
  return userPrompt(wordsOf(own, length(inputTokens, 1)), length(outputTokens, 2))
}

function sharedPrefixPrompt(dataset: Of<'shared-prefix'>, base: number, index: number): Prompt {
  const group = index % dataset.groups
  const system = wordsOf(mix(base + group), dataset.systemTokens)
  const question = wordsOf(mix(base ^ mix(index)), dataset.questionTokens)
  const messages: Message[] = [
    { role: 'system', content: system },
    { role: 'user', content: question },
  ]
  return { messages, maxTokens: dataset.outputTokens }
}

/** All conversations have their first turn before any has its second; earlier answers are part of the dataset. */
function multiTurnPrompt(dataset: Of<'multi-turn'>, base: number, index: number): Prompt {
  const conversation = index % dataset.conversations
  const turn = Math.floor(index / dataset.conversations) % dataset.turns
  const messages = Array.from({ length: 2 * turn + 1 }, (_, at): Message => {
    const content = wordsOf(mix(base + Math.imul(conversation + 1, 7919) + at), dataset.turnTokens)
    return { role: at % 2 === 0 ? 'user' : 'assistant', content }
  })
  return { messages, maxTokens: dataset.outputTokens }
}

function userPrompt(content: string, maxTokens: number): Prompt {
  return { messages: [{ role: 'user', content }], maxTokens }
}

function tracedPrompts(dataset: Of<'mooncake'>): Prompts {
  const trace = readTrace(dataset.path)
  const [firstMs, lastMs] = [trace[0]?.timestamp ?? 0, trace.at(-1)?.timestamp ?? 0]
  const at = (index: number) => tracedPrompt(cycled(trace, index))
  if (!dataset.useTimestamps) return { at }
  const dueMs = (index: number) => {
    const round = Math.floor(index / trace.length) * (lastMs - firstMs)
    return (round + cycled(trace, index).timestamp - firstMs) * dataset.slowdown
  }
  return { at, dueMs }
}

/** A file that is shorter than the run begins again. */
function cycled<T>(lines: readonly T[], index: number): T {
  const line = lines[index % lines.length]
  if (line === undefined) throw new RangeError('a file of prompts holds none')
  return line
}
