/** Kinds of request to /generate that are answered. */
import { asIs, type Body, bothWays, type Case, GENERATE, generate, IDS, PROMPT, PROMPTS } from './case.ts'

const SCHEMA = JSON.stringify({
  type: 'object',
  properties: { a: { type: 'integer' }, b: { enum: ['x', 'y'] } },
  required: ['a', 'b'],
})

const PLAIN: Readonly<Record<string, Body>> = {
  'of a text': generate(),
  'of token ids': { ...generate(), text: undefined, input_ids: IDS },
  'with a rid': generate({}, { rid: 'a-rid-of-the-client' }),
  'of one token': generate({ max_new_tokens: 1 }),
  'of no token': generate({ max_new_tokens: 0 }),
  'of two tokens': generate({ max_new_tokens: 2 }),
  'of many tokens': generate({ max_new_tokens: 120 }),
  'of a prompt with accents and emoji': generate({}, { text: 'Grüße, 世界! 🙂 — naïve café' }),
  'of a prompt with control characters': generate({}, { text: 'a\tb\nc\r\n"quoted" \\ back' }),
  'of a long prompt': generate({}, { text: `${PROMPT}, `.repeat(60) }),
  'that ends at once': generate({ logit_bias: { '2': 100 } }),
  'that ends at once but must not': generate({ logit_bias: { '2': 100 }, ignore_eos: true }),
  'with stop strings': generate({ max_new_tokens: 60, stop: ['e', 'a'] }),
  'with one stop string': generate({ max_new_tokens: 60, stop: 'e' }),
  'with a stop string that stays': generate({ max_new_tokens: 60, stop: ['e'], no_stop_trim: true }),
  'with stop token ids': generate({ max_new_tokens: 60, stop_token_ids: [300, 301, 302] }),
  'with a stop pattern': generate({ max_new_tokens: 60, stop_regex: '[aeiou]' }),
  'with special tokens': generate({ skip_special_tokens: false, spaces_between_special_tokens: false }),
  'with penalties': generate({ frequency_penalty: 0.5, presence_penalty: 0.3 }),
  'with a repetition penalty': generate({ repetition_penalty: 1.2 }),
  'with a minimum of tokens': generate({ min_new_tokens: 4, logit_bias: { '2': 100 } }),
  'with top_k of 1': generate({ temperature: 1, top_k: 1 }),
  'with a seed and top_k of 1': generate({ temperature: 0.7, top_k: 1, sampling_seed: 7 }),
  'of a JSON schema': generate({ max_new_tokens: 60, json_schema: SCHEMA }),
  'of a regular expression': generate({ max_new_tokens: 12, regex: '[0-9]{3}x' }),
  'of a grammar': generate({ max_new_tokens: 12, ebnf: 'root ::= "yes" | "no"' }),
  'with a priority': generate({}, { priority: 2 }),
  'with an unknown field': generate({}, { a_field_nobody_knows: { x: [1] } }),
  'with a field that is null': generate({}, { rid: null, return_logprob: null }),
  'with hidden states left out': generate({}, { return_hidden_states: false }),
}

const LOGPROBS: Readonly<Record<string, Body>> = {
  'with logprobs': generate({}, { return_logprob: true }),
  'with logprobs of one token': generate({ max_new_tokens: 1 }, { return_logprob: true }),
  'with logprobs of the whole prompt': generate({}, { return_logprob: true, logprob_start_len: 0 }),
  'with logprobs from the middle of the prompt': generate({}, { return_logprob: true, logprob_start_len: 4 }),
  'with logprobs and their texts': generate(
    {},
    { return_logprob: true, logprob_start_len: 0, return_text_in_logprobs: true },
  ),
  'with the best logprobs': generate({}, { return_logprob: true, logprob_start_len: 0, top_logprobs_num: 3 }),
  'with the best logprobs of the output': generate({}, { return_logprob: true, top_logprobs_num: 2 }),
  'with logprobs of given tokens': generate(
    {},
    { return_logprob: true, logprob_start_len: 0, token_ids_logprob: [11, 12] },
  ),
  'with every kind of logprobs': generate(
    {},
    {
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 2,
      token_ids_logprob: [11, 12],
      return_text_in_logprobs: true,
    },
  ),
  'with logprobs of token ids': {
    ...generate({}, { input_ids: IDS, return_logprob: true, logprob_start_len: 0 }),
    text: undefined,
  },
  'with the best logprobs in flat lists': generate(
    {},
    { return_logprob: true, logprob_start_len: 0, top_logprobs_num: 2, return_flat_raw_top_logprobs: true },
  ),
}

const BATCHES: Readonly<Record<string, Body>> = {
  'of several texts': generate({}, { text: PROMPTS }),
  'of a list with one text': generate({}, { text: [PROMPT] }),
  'of several lists of token ids': { ...generate({}, { input_ids: [IDS, IDS.slice(2)] }), text: undefined },
  'of several texts with parameters each': generate(
    {},
    {
      text: PROMPTS,
      sampling_params: [2, 3, 4].map(max_new_tokens => ({ temperature: 0, max_new_tokens })),
    },
  ),
  'of several texts with rids': generate({}, { text: PROMPTS, rid: ['rid-a', 'rid-b', 'rid-c'] }),
  'of several texts with one rid': generate({}, { text: PROMPTS, rid: 'rid-of-all' }),
  'of several texts with logprobs': generate(
    { max_new_tokens: 3 },
    { text: PROMPTS, return_logprob: true, logprob_start_len: 0, top_logprobs_num: 2 },
  ),
  'of several texts with logprobs of some': generate(
    { max_new_tokens: 3 },
    { text: PROMPTS, return_logprob: [true, false, true] },
  ),
  'of several samples': generate({ n: 2 }),
  'of several samples of several texts': generate({ n: 2, max_new_tokens: 3 }, { text: PROMPTS.slice(0, 2) }),
  'of several texts of no token': generate({ max_new_tokens: 0 }, { text: PROMPTS }),
}

export const GENERATE_CASES: readonly Case[] = [
  ...bothWays(GENERATE, { ...PLAIN, ...LOGPROBS, ...BATCHES }),
  ...asIs(GENERATE, {
    'with the full answer in one event': generate(
      { max_new_tokens: 6, stream_interval: 10 },
      { stream: true },
    ),
  }),
]
