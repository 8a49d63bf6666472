/** Kinds of request to /v1/completions that are answered. */
import { asIs, type Body, bothWays, type Case, COMPLETIONS, completions, IDS, PROMPTS } from './case.ts'

const BODIES: Readonly<Record<string, Body>> = {
  'of a text': completions(),
  'of token ids': completions({ prompt: IDS }),
  'of several texts': completions({ prompt: PROMPTS, max_tokens: 4 }),
  'of several lists of token ids': completions({ prompt: [IDS, IDS.slice(3)], max_tokens: 4 }),
  'of one token': completions({ max_tokens: 1 }),
  'of no token': completions({ max_tokens: 0 }),
  'of many tokens': completions({ max_tokens: 100 }),
  'of the default length': completions({ max_tokens: undefined }),
  'with unicode': completions({ prompt: 'Größe: 10 µm — 世界 🙂' }),
  'with an echo': completions({ echo: true }),
  'with an echo and logprobs': completions({ echo: true, logprobs: 2, max_tokens: 3 }),
  'with an echo of no token': completions({ echo: true, max_tokens: 0 }),
  'with an echo of several texts': completions({ echo: true, prompt: PROMPTS, max_tokens: 3 }),
  'with an echo of token ids': completions({ echo: true, prompt: IDS }),
  'with logprobs': completions({ logprobs: 3, max_tokens: 4 }),
  'with the logprobs of the chosen tokens': completions({ logprobs: 1, max_tokens: 4 }),
  'with logprobs of several texts': completions({ prompt: PROMPTS, logprobs: 1, max_tokens: 3 }),
  'of several samples': completions({ n: 2, max_tokens: 4 }),
  'of several samples of several texts': completions({ prompt: PROMPTS.slice(1), n: 2, max_tokens: 3 }),
  'that ends at once': completions({ logit_bias: { '2': 100 } }),
  'with stop strings': completions({ max_tokens: 60, stop: ['e', 'a'] }),
  'with a suffix': completions({ suffix: ' end' }),
  'of a JSON schema': completions({
    max_tokens: 30,
    json_schema: '{"type":"object","properties":{"k":{"type":"boolean"}},"required":["k"]}',
  }),
  'of a regular expression': completions({ max_tokens: 8, regex: '(ab){2}' }),
  'with penalties': completions({ frequency_penalty: 0.5, repetition_penalty: 1.1 }),
  'with the seed of OpenAI': completions({ seed: 11 }),
  'of an unknown model': completions({ model: 'no-such-model' }),
  'with a rid': completions({ rid: 'a-completions-rid' }),
  'with an unknown field': completions({ a_field_nobody_knows: true }),
}

const USAGE = { include_usage: true }

export const COMPLETIONS_CASES: readonly Case[] = [
  ...bothWays(COMPLETIONS, BODIES),
  ...asIs(COMPLETIONS, {
    'stream with usage': completions({ stream: true, stream_options: USAGE }),
    'stream with usage all along': completions({
      stream: true,
      stream_options: { ...USAGE, continuous_usage_stats: true },
    }),
    'stream of several texts with usage': completions({
      stream: true,
      prompt: PROMPTS,
      max_tokens: 3,
      stream_options: USAGE,
    }),
    'stream of several samples with usage': completions({
      stream: true,
      n: 2,
      max_tokens: 3,
      stream_options: USAGE,
    }),
  }),
]
