/** Kinds of request to /v1/chat/completions that are answered. */
import { asIs, type Body, bothWays, type Case, CHAT, chat, QUESTION } from './case.ts'

const SCHEMA = {
  type: 'object',
  properties: { a: { type: 'integer' }, b: { type: 'array', items: { type: 'boolean' }, maxItems: 2 } },
  required: ['a', 'b'],
}

const TOOL = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

const CONVERSATION = [
  { role: 'system', content: 'Answer in one sentence.' },
  ...QUESTION,
  { role: 'assistant', content: 'The expression list.' },
  { role: 'user', content: [{ type: 'text', text: 'And then?' }] },
]

const BODIES: Readonly<Record<string, Body>> = {
  'of a question': chat(),
  'of a conversation': chat({ messages: CONVERSATION }),
  'of one token': chat({ max_tokens: 1 }),
  'of no token': chat({ max_tokens: 0 }),
  'of many tokens': chat({ max_tokens: 100 }),
  'with max_completion_tokens': chat({ max_tokens: undefined, max_completion_tokens: 5 }),
  'with a rid': chat({ rid: 'a-chat-rid' }),
  'with unicode': chat({ messages: [{ role: 'user', content: 'Grüße 世界 🙂 \u0000 end' }] }),
  'with logprobs': chat({ logprobs: true, max_tokens: 4 }),
  'with the best logprobs': chat({ logprobs: true, top_logprobs: 3, max_tokens: 4 }),
  'that ends at once': chat({ logit_bias: { '2': 100 } }),
  'with stop strings': chat({ max_tokens: 60, stop: ['e', 'a'] }),
  'with one stop string': chat({ max_tokens: 60, stop: 'o' }),
  'with stop token ids': chat({ max_tokens: 60, stop_token_ids: [300, 301, 302] }),
  'with penalties': chat({ frequency_penalty: 0.4, presence_penalty: 0.2 }),
  'of several samples': chat({ n: 2, max_tokens: 4 }),
  'of several samples with logprobs': chat({ n: 2, max_tokens: 3, logprobs: true, top_logprobs: 2 }),
  'of a JSON schema': chat({
    max_tokens: 60,
    response_format: { type: 'json_schema', json_schema: { name: 'reply', schema: SCHEMA } },
  }),
  'of a JSON object': chat({ max_tokens: 24, response_format: { type: 'json_object' } }),
  'of text by response_format': chat({ response_format: { type: 'text' } }),
  'of a regular expression': chat({ max_tokens: 12, regex: '[a-c]{4}' }),
  'of a grammar': chat({ max_tokens: 12, ebnf: 'root ::= "left" | "right"' }),
  'with a tool': chat({ tools: [TOOL] }),
  'with a tool that is not to be called': chat({ tools: [TOOL], tool_choice: 'none' }),
  'with the seed of OpenAI': chat({ seed: 3 }),
  'of an unknown model': chat({ model: 'no-such-model' }),
  'without a model': chat({ model: undefined }),
  'with an unknown field': chat({ a_field_nobody_knows: [1, 2] }),
  'with a user and metadata': chat({ user: 'someone', metadata: { a: 'b' } }),
  'that continues the last message': chat({
    messages: [...QUESTION, { role: 'assistant', content: 'It evaluates' }],
    continue_final_message: true,
  }),
}

const USAGE = { include_usage: true }

export const CHAT_CASES: readonly Case[] = [
  ...bothWays(CHAT, BODIES),
  ...asIs(CHAT, {
    'stream with usage': chat({ stream: true, stream_options: USAGE }),
    'stream with usage all along': chat({
      stream: true,
      stream_options: { ...USAGE, continuous_usage_stats: true },
    }),
    'stream without usage': chat({ stream: true, stream_options: { include_usage: false } }),
    'stream of one token with usage': chat({ stream: true, max_tokens: 1, stream_options: USAGE }),
    'stream of several samples with usage': chat({
      stream: true,
      n: 2,
      max_tokens: 3,
      stream_options: USAGE,
    }),
    'stream of logprobs with usage': chat({
      stream: true,
      logprobs: true,
      max_tokens: 3,
      stream_options: USAGE,
    }),
  }),
]
