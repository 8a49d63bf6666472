/** Prompts of a run, without downloads: each is determined by the seed and the number of its request. */
import { mix } from '../../../src/core/random.ts'
import type { Dataset } from '../plan/plan.ts'
import { conversationPrompts } from './conversations.ts'
import { readPromptLines, readTrace, tracedPrompt } from './dataset-files.ts'
import { groupPrompts } from './groups.ts'
import type { Message, Prompt, Prompts } from './prompt.ts'
import { wordsOf } from './words.ts'

/** @throws Error that names the line, when a file of prompts cannot be read. */
export function promptsOf(dataset: Dataset, seed: number): Prompts {
  const base = mix(seed)
  switch (dataset.kind) {
    case 'prompts':
      return { promptAt: index => fixedPrompt(dataset, base, index) }
    case 'random':
      return { promptAt: index => randomPrompt(dataset, base, index) }
    case 'shared-prefix':
      return groupPrompts(dataset, base)
    case 'multi-turn':
      return { promptAt: index => multiTurnPrompt(dataset, base, index) }
    case 'conversations':
      return conversationPrompts(dataset, base)
    case 'jsonl': {
      const lines = readPromptLines(dataset.path, dataset.outputTokens)
      return { promptAt: index => cycled(lines, index) }
    }
    case 'mooncake':
      return tracedPrompts(dataset)
  }
}

type Of<K extends Dataset['kind']> = Extract<Dataset, { kind: K }>

function fixedPrompt({ prompts, minTokens, maxTokens }: Of<'prompts'>, base: number, index: number): Prompt {
  const text = prompts[mix(base + index) % prompts.length] ?? ''
  const spread = Math.max(0, maxTokens - minTokens) + 1
  // The number makes every output different, so that two swapped responses count as wrong.
  return userPrompt(`${text} (${index})`, minTokens + (mix(base ^ Math.imul(index + 1, 31)) % spread))
}

function randomPrompt(
  { inputTokens, outputTokens, rangeRatio }: Of<'random'>,
  base: number,
  index: number,
): Prompt {
  const own = mix(base + index)
  const length = (max: number, salt: number) => {
    const min = Math.max(1, Math.floor(max * rangeRatio))
    return min + (mix(own + salt) % (max - min + 1))
  }
  return userPrompt(wordsOf(own, length(inputTokens, 1)), length(outputTokens, 2))
}

/** Every conversation has its first turn before any has its second. Earlier responses are part of the dataset. */
function multiTurnPrompt(dataset: Of<'multi-turn'>, base: number, index: number): Prompt {
  const conversation = index % dataset.conversations
  const turn = Math.floor(index / dataset.conversations) % dataset.turns
  const messages = Array.from({ length: 2 * turn + 1 }, (_, message): Message => {
    const content = wordsOf(mix(base + Math.imul(conversation + 1, 7919) + message), dataset.turnTokens)
    return { role: message % 2 === 0 ? 'user' : 'assistant', content }
  })
  return { messages, maxTokens: dataset.outputTokens }
}

function userPrompt(content: string, maxTokens: number): Prompt {
  return { messages: [{ role: 'user', content }], maxTokens }
}

function tracedPrompts(dataset: Of<'mooncake'>): Prompts {
  const trace = readTrace(dataset.path)
  const [firstMs, lastMs] = [trace[0]?.timestamp ?? 0, trace.at(-1)?.timestamp ?? 0]
  const promptAt = (index: number) => tracedPrompt(cycled(trace, index))
  if (!dataset.useTimestamps) return { promptAt }
  const dueMs = (index: number) => {
    const round = Math.floor(index / trace.length) * (lastMs - firstMs)
    return (round + cycled(trace, index).timestamp - firstMs) * dataset.slowdown
  }
  return { promptAt, dueMs }
}

/** Starts over when the file has fewer lines than the run has requests. */
function cycled<T>(lines: readonly T[], index: number): T {
  const line = lines[index % lines.length]
  if (line === undefined) throw new RangeError('A file of prompts has no lines')
  return line
}
