/** The differences that are allowed. The lab fails if one of them no longer occurs. */
import type { AllowedDifference, Reference } from './allowed.ts'

const OF_THE_PAIR: readonly AllowedDifference[] = [
  {
    field: /\.(?:id|created)$/,
    reason: '`id` and `created`: they are random, and the time of the request.',
  },
  {
    field: /\.(?:\w+_ts|\w+_latency|queue_time|forward_entry_time|decode_throughput)$/,
    reason: 'Times in `meta_info`: they are those of the request.',
  },
  {
    field: /\.(?:storage_prefetch_wait|storage_staging_wait|prefill_finished_time)$/,
    frontends: ['python'],
    reason: 'Times of the prefill in `meta_info`: only an engine that computes it itself has them.',
  },
  {
    field: /^body\.error\.(?:object|message|type|param|code|leg)$/,
    onlyAdded: true,
    reason:
      'Errors: the gateway puts them under `error`, too, where SDKs of OpenAI look, with the leg they are from.',
  },
  {
    field: /^body\.error$/,
    cases: /^generate with (?:a temperature of text|an unknown sampling parameter)$/,
    frontends: ['python'],
    reason: 'An error that is a mere text becomes an object with the text as its message.',
  },
  {
    field: /^body\.(?:error\.)?message$/,
    cases:
      /^(?:chat without messages|completions (?:without a prompt|with a prompt that is an object|with a temperature of text|with negative max_tokens|with logprobs of text))$/,
    reason:
      'Errors that repeat the request, or name a column in it: it is the one that the gateway has sent, and what it has added is hidden.',
  },
  {
    field: /^(?:status|content type|text|body(?:\..+)?)$/,
    cases:
      /^\w+ (?:of a list|of half a JSON document|that is not UTF-8|with stream as text|with stream of text|with a fraction of a sample|with an echo of text|with fewer rids than prompts|with a rid twice|with sampling_params that are a list of another length|a question with an empty body)$/,
    reason:
      'Bodies that are not JSON, lists of another length than the prompts, and types that engines read in different ways: the gateway refuses them itself, with 400.',
  },
  {
    field: /^(?:body\.detail|content type|text)$/,
    cases: /^other (?:a path that is not served|generate with another method|chat by GET)$/,
    reason: 'Paths and methods that are not served: the gateway refuses them itself, in the form of OpenAI.',
  },
  {
    field: /^body\.error\.(?:object|message|type|param|code)$/,
    cases: /^other a model that is not there$/,
    reason: 'Models that are not there: the gateway says so itself.',
  },
  {
    field: /^body\.(?:disaggregation_mode|embedding\.cache\.radix_cache_disabled)$/,
    cases: /^other what the model is$/,
    reason:
      '`disaggregation_mode` and `radix_cache_disabled` in `/model_info`: they are those of the engine which was asked.',
  },
  {
    field: /\.output_top_logprobs\[\]$/,
    frontends: ['rust'],
    onlyAdded: true,
    reason:
      'Front end in Rust, `output_top_logprobs` that were not asked for: decode sends a list with a null.',
  },
  {
    field: /^(?:status|body|events|content type|\[DONE\])/,
    cases: /^generate of several samples/,
    frontends: ['rust'],
    reason:
      'Front end in Rust, `n` above 1 on `/generate`: it is refused; the gateway asks for one sample at a time.',
  },
  {
    field: /^status$/,
    cases: /^other a question with a slash too many$/,
    frontends: ['rust'],
    reason:
      'Front end in Rust, a slash too many: 404; the gateway redirects, as the front end in Python does.',
  },
]

const OF_THE_SIMULATOR: readonly AllowedDifference[] = [
  {
    field: /\.meta_info\.(?:\w+_ts|first_token_latency|queue_time|forward_entry_time|decode_throughput)$/,
    frontends: ['python'],
    reason: 'Times in `meta_info`: it answers as an engine without `--enable-metrics`.',
  },
  {
    field: /\.cached_tokens_details(?:\.\w+)?$/,
    frontends: ['python'],
    reason:
      '`cached_tokens_details`: null where nothing was cached, which depends on the tokenizer and on earlier prompts.',
  },
  {
    field: /(?:\.finish_reason(?:\.\w+)?|\.matched_stop)$/,
    cases:
      /(?:that ends at once|with a stop pattern|with a minimum of tokens|of a regular expression|of a grammar|of a JSON schema|of a JSON object|with stop strings)(?:, stream)?$/,
    reason:
      'Ends of outputs: it follows JSON schemas, always to their end, and stop strings, but neither biases nor patterns.',
  },
  {
    field: /\.bytes$/,
    cases: /^chat /,
    reason: '`bytes` of tokens that are half a character: it has none.',
  },
  {
    field: /\.(?:tool_calls\[\]\..+|content)$/,
    cases: /^chat with a tool(?:, stream)?$/,
    reason: 'Tools: it calls one that it may call; the small model knows of none.',
  },
  {
    field: /^body\.error\.(?:type|retryable|param|leg)$/,
    cases: /^generate with (?:a schema that is not JSON|an unbalanced pattern), stream$/,
    reason:
      'Bad grammars in a stream: it compiles one before it begins; the engine aborts the output that it has begun.',
  },
  {
    field: /^body(?:\.error)?\.type$/,
    cases: /^\w+ with no samples$/,
    frontends: ['python'],
    reason: '`n` of 0: it checks the number; the engine fails when it counts the samples.',
  },
  {
    field: /^body\.(?:\w+|(?:embedding|cache)\..+|architectures\[\])$/,
    cases: /^other what the model is$/,
    reason: '`/model_info`: it says only what routers read.',
  },
  {
    field: /^(?:body|events\[\])\.(?:usage\..+|metadata\..+|choices\[\]\.(?:logprobs|finish_reason))$/,
    cases: /^completions /,
    frontends: ['rust'],
    reason:
      'Front end in Rust, completions: it writes what that leaves out, which is null, and details of the usage.',
  },
  {
    field: /^body\.(?:error\.)?(?:object|message|type|param|code|leg|retryable)$/,
    frontends: ['rust'],
    reason: 'Front end in Rust, errors: it has their status and text, but not each of their members.',
  },
  {
    field: /\.(?:output_token_logprobs_length|(?:in|out)put_top_logprobs\w*)(?:\[\])*$/,
    frontends: ['rust'],
    reason:
      'Front end in Rust, logprobs: it has the lists, and lengths and shapes, of the front end in Python.',
  },
  {
    field: /\.output_ids$/,
    cases: /of no token/,
    frontends: ['rust'],
    reason: 'Front end in Rust, `output_ids` of no token: it writes an empty list, which that leaves out.',
  },
  {
    field: /^(?:status|content type|\[DONE\]|(?:body|events\[\])\..+)$/,
    cases: /^(?:chat without a model|completions with a suffix)/,
    frontends: ['rust'],
    reason: 'Front end in Rust, a chat without `model` and completions with `suffix`: it answers them.',
  },
]

export const ALLOWED_DIFFERENCES: Readonly<Record<Reference, readonly AllowedDifference[]>> = {
  unified: OF_THE_PAIR,
  simulator: OF_THE_SIMULATOR,
}
