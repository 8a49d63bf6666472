/**
 * Conversations that go on at the same time: each turn holds everything before it, and some share a system prompt. Pure.
 *
 * The turns of a conversation come in order, about as many requests apart as there are conversations and never less than
 * half of that, so that an open loop does not send one long before the engine has seen the one before. When all turns
 * have been sent, other conversations begin. Earlier responses are part of the dataset.
 */
import { mix } from '../../../src/core/random.ts'
import type { Dataset } from '../plan/plan.ts'
import type { Message, Prompt, Prompts } from './prompt.ts'
import { wordsOf } from './words.ts'

export type ConversationDataset = Extract<Dataset, { kind: 'conversations' }>

interface Turn {
  readonly conversation: number
  /** From 0. */
  readonly turn: number
}

const SYSTEM_SALT = 0x73_79_73
const PHASE_SALT = 0x70_68_61
const MESSAGES_PER_CONVERSATION = 7919

export function conversationPrompts(dataset: ConversationDataset, base: number): Prompts {
  const order = turnOrder(dataset, base)
  const turnAt = (index: number): Turn => {
    const { conversation = 0, turn = 0 } = order[index % order.length] ?? {}
    const round = Math.floor(index / order.length)
    return { conversation: round * dataset.conversations + conversation, turn }
  }
  return {
    promptAt: index => turnPrompt(dataset, base, turnAt(index)),
    pins: engines => index => turnAt(index).conversation % engines,
  }
}

/** All turns of the conversations of a round, in the order in which they are sent. */
export function turnOrder({ conversations, turns }: ConversationDataset, base: number): readonly Turn[] {
  const phaseOf = (number: number): number => mix(base ^ mix(number ^ PHASE_SALT)) / 2 ** 32
  const all = Array.from({ length: conversations * turns }, (_, number) => {
    const [conversation, turn] = [number % conversations, Math.floor(number / conversations)]
    // A turn deviates from the pace of its conversation by a quarter of a round at most.
    const moment = turn + phaseOf(conversation) + phaseOf(number + conversations) / 4
    return { conversation, turn, moment }
  })
  return all.toSorted((a, b) => a.moment - b.moment)
}

function turnPrompt(dataset: ConversationDataset, base: number, { conversation, turn }: Turn): Prompt {
  const { systems, systemTokens, turnTokens, outputTokens } = dataset
  const first = mix(base) + Math.imul(conversation + 1, MESSAGES_PER_CONVERSATION)
  const system = wordsOf(mix(base ^ mix((conversation % systems) ^ SYSTEM_SALT)), systemTokens)
  const messages = Array.from({ length: 2 * turn + 1 }, (_, number): Message => {
    const isUser = number % 2 === 0
    const content = wordsOf(mix(first + number), isUser ? turnTokens : outputTokens)
    return { role: isUser ? 'user' : 'assistant', content }
  })
  return { messages: [{ role: 'system', content: system }, ...messages], maxTokens: outputTokens }
}
