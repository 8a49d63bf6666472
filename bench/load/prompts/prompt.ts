/** A prompt of a dataset, and the request body with it for each endpoint. */
import { mix } from '../../../src/core/random.ts'
import { chatPromptText } from '../../../src/simulator/sequence/output-script.ts'
import type { LoadPlan } from '../plan/plan.ts'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface Prompt {
  readonly messages: readonly Message[]
  readonly maxTokens: number
}

export interface Prompts {
  readonly promptAt: (index: number) => Prompt
  /** When to send a request, in milliseconds from the start; unset: the dataset has no times. */
  readonly dueMs?: (index: number) => number
  /**
   * Which of `engines` engines gets the request, so that prompts with the same beginning meet on one engine and all
   * engines have about the same work; unset: the prompts have no beginnings in common.
   */
  readonly pins?: (engines: number) => (index: number) => number
}

/** The prompt text as the simulator's output script sees it. */
export function promptText(prompt: Prompt): string {
  return chatPromptText(prompt.messages)
}

/** `members` are added to the body, after those of the plan. */
export function requestBody(
  plan: LoadPlan,
  prompt: Prompt,
  index: number,
  members: Readonly<Record<string, unknown>> = {},
): string {
  const sampling = plan.variedSampling ? variedSampling(plan.seed, index) : { temperature: 0 }
  const { isStream: stream, ignoreEos: ignore_eos, model } = plan
  const added = { ...plan.extraBody, ...members }
  if (plan.endpoint === 'generate') {
    // SGLang reads these properties only inside sampling_params.
    const sampling_params = { max_new_tokens: prompt.maxTokens, ignore_eos, ...sampling }
    return JSON.stringify({ text: promptText(prompt), sampling_params, stream, ...added })
  }
  const usage = stream ? { stream_options: { include_usage: true } } : {}
  const prompted = plan.endpoint === 'chat' ? { messages: prompt.messages } : { prompt: promptText(prompt) }
  const rest = { max_tokens: prompt.maxTokens, ignore_eos, ...sampling, stream, ...usage }
  return JSON.stringify({ model, ...prompted, ...rest, ...added })
}

export const PATHS: Readonly<Record<LoadPlan['endpoint'], string>> = {
  generate: '/generate',
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
}

/** The ranges of smg's `realistic` benchmark. */
function variedSampling(seed: number, index: number): Readonly<Record<string, number>> {
  const between = (low: number, high: number, salt: number) => {
    const share = mix(mix(seed) + Math.imul(index + 1, salt)) / 2 ** 32
    return Math.round((low + (high - low) * share) * 1000) / 1000
  }
  return {
    temperature: between(0.5, 1, 3),
    top_p: between(0.9, 1, 5),
    frequency_penalty: between(0, 0.2, 7),
    presence_penalty: between(0, 0.2, 11),
  }
}
