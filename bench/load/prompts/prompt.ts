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

/** The prompt text as the simulator's output script sees it. */
export function promptText(prompt: Prompt): string {
  return chatPromptText(prompt.messages)
}

export function requestBody(plan: LoadPlan, prompt: Prompt, index: number): string {
  const sampling = plan.variedSampling ? variedSampling(plan.seed, index) : { temperature: 0 }
  const { isStream: stream, ignoreEos: ignore_eos, model } = plan
  if (plan.endpoint === 'generate') {
    // SGLang reads these properties only inside sampling_params.
    const sampling_params = { max_new_tokens: prompt.maxTokens, ignore_eos, ...sampling }
    return JSON.stringify({ text: promptText(prompt), sampling_params, stream, ...plan.extraBody })
  }
  const usage = stream ? { stream_options: { include_usage: true } } : {}
  const prompted = plan.endpoint === 'chat' ? { messages: prompt.messages } : { prompt: promptText(prompt) }
  const rest = { max_tokens: prompt.maxTokens, ignore_eos, ...sampling, stream, ...usage }
  return JSON.stringify({ model, ...prompted, ...rest, ...plan.extraBody })
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
