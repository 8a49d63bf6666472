/**
 * Kinds of request that an engine refuses in words and survives. Input that ends the processes of an engine is left out:
 * empty prompts, token ids beyond the vocabulary, incomplete bootstrap fields.
 */
import {
  asIs,
  bothWays,
  type Case,
  CHAT,
  COMPLETIONS,
  chat,
  completions,
  GENERATE,
  generate,
  PROMPT,
  PROMPTS,
  QUESTION,
} from './case.ts'

const NOT_JSON = Buffer.from('{"text": "unfinished')
const NOT_UTF8 = Buffer.from([0x7b, 0x22, 0x74, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d])
/** More tokens than the context of 4096 holds. */
const TOO_LONG = `${PROMPT} `.repeat(600)

export const REFUSED_CASES: readonly Case[] = [
  ...bothWays(GENERATE, {
    'with a prompt beyond the context': generate({}, { text: TOO_LONG }),
    'with more tokens than the context': generate({ max_new_tokens: 100_000 }),
    'with a negative temperature': generate({ temperature: -1 }),
    'with top_p above 1': generate({ top_p: 1.5 }),
    'with a negative number of tokens': generate({ max_new_tokens: -3 }),
    'with a minimum above the maximum': generate({ min_new_tokens: 9, max_new_tokens: 3 }),
    'with no samples': generate({ n: 0 }),
    'with a schema that is not JSON': generate({ json_schema: '{' }),
    'with an unbalanced pattern': generate({ regex: '(' }),
  }),
  ...asIs(GENERATE, {
    'with a temperature of text': generate({ temperature: 'hot' }),
    'with an unknown sampling parameter': generate({ no_such_parameter: 1 }),
    'with a text that is a number': generate({}, { text: 17 }),
    'with sampling_params that are a list of another length': generate(
      {},
      { text: PROMPTS, sampling_params: [{ temperature: 0, max_new_tokens: 2 }] },
    ),
    'with fewer rids than prompts': generate({}, { text: PROMPTS, rid: ['only-one'] }),
    'with a rid twice': generate({}, { text: PROMPTS, rid: ['same', 'same', 'other'] }),
    'without a prompt': { sampling_params: { max_new_tokens: 2 } },
    'of a list': [],
    'of half a JSON document': NOT_JSON,
    'that is not UTF-8': NOT_UTF8,
    'with stream as text': generate({}, { stream: 'yes' }),
    'with a fraction of a sample': generate({ n: 1.5 }),
  }),
  ...asIs(CHAT, {
    'without messages': { model: 'tiny', max_tokens: 4 },
    'with an unknown role': chat({ messages: [{ role: 'wizard', content: 'hi' }] }),
    'with content of null': chat({ messages: [{ role: 'user', content: null }] }),
    'with messages that are text': chat({ messages: 'hello' }),
    'with a message without a role': chat({ messages: [{ content: 'hi' }] }),
    'with a temperature of text': chat({ temperature: 'warm' }),
    'with a negative temperature': chat({ temperature: -0.5 }),
    'with max_tokens of text': chat({ max_tokens: 'many' }),
    'with negative max_tokens': chat({ max_tokens: -1 }),
    'with no samples': chat({ n: 0 }),
    'with top_p above 1': chat({ top_p: 2 }),
    'with a prompt beyond the context': chat({ messages: [{ role: 'user', content: TOO_LONG }] }),
    'with a prompt beyond the context, stream': chat({
      messages: [{ role: 'user', content: TOO_LONG }],
      stream: true,
    }),
    'with an adapter that is not loaded': chat({ model: 'tiny:no-such-adapter' }),
    'with an unknown response_format': chat({ response_format: { type: 'xml' } }),
    'with a tool without a name': chat({ tools: [{ type: 'function', function: {} }] }),
    'with a tool_choice that is not a tool': chat({
      tool_choice: { type: 'function', function: { name: 'missing' } },
    }),
    'of a list': [],
    'of half a JSON document': NOT_JSON,
    'with stream of text': chat({ stream: 'maybe' }),
    'with stream_options that are text': chat({ stream: true, stream_options: 'usage' }),
  }),
  ...asIs(COMPLETIONS, {
    'without a prompt': { model: 'tiny', max_tokens: 4 },
    'with a prompt that is an object': completions({ prompt: { a: 1 } }),
    'with a temperature of text': completions({ temperature: 'warm' }),
    'with negative max_tokens': completions({ max_tokens: -1 }),
    'with no samples': completions({ n: 0 }),
    'with a prompt beyond the context': completions({ prompt: TOO_LONG }),
    'with a prompt beyond the context, stream': completions({ prompt: TOO_LONG, stream: true }),
    'with logprobs of text': completions({ logprobs: 'all' }),
    'with an adapter that is not loaded': completions({ model: 'tiny:no-such-adapter' }),
    'of half a JSON document': NOT_JSON,
    'with an echo of text': completions({ echo: 'yes' }),
  }),
  { name: 'other a path that is not served', path: '/v1/no-such-endpoint', body: chat() },
  { name: 'other generate with another method', path: GENERATE, method: 'DELETE' },
  { name: 'other chat by GET', path: CHAT, method: 'GET' },
  { name: 'other a question with an empty body', path: CHAT, body: Buffer.alloc(0) },
  { name: 'other the models', path: '/v1/models', method: 'GET' },
  { name: 'other one model', path: '/v1/models/tiny', method: 'GET' },
  { name: 'other a model that is not there', path: '/v1/models/nothing', method: 'GET' },
  { name: 'other what the model is', path: '/model_info', method: 'GET' },
  { name: 'other a question with a slash too many', path: `${CHAT}/`, body: chat({ messages: QUESTION }) },
]
