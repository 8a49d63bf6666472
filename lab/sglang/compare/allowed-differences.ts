/** The differences that are allowed. The lab fails if one of them no longer occurs. */
import type { AllowedDifference } from './allowed.ts'

export const ALLOWED_DIFFERENCES: readonly AllowedDifference[] = [
  {
    field: /\.(?:id|created)$/,
    against: ['unified'],
    reason: 'Ids are random, and times are those of the request.',
  },
  {
    field: /\.(?:\w+_ts|\w+_latency|queue_time|forward_entry_time|decode_throughput)$/,
    against: ['unified'],
    reason: 'Times are those of the request.',
  },
  {
    field: /\.(?:storage_prefetch_wait|storage_staging_wait|prefill_finished_time)$/,
    against: ['unified'],
    reason:
      'Only an engine that computes the prefill itself says when it has ended; decode answers for the pair.',
  },
  {
    field: /^body\.error\.(?:object|message|type|param|code|leg)$/,
    against: ['unified'],
    onlyAdded: true,
    reason:
      'SDKs of OpenAI look for the error under `error`, where the gateway puts it too, with the leg that reported it.',
  },
  {
    field: /^body\.error$/,
    cases: /^generate with (?:a temperature of text|an unknown sampling parameter)$/,
    against: ['unified'],
    reason: 'An error that is a mere text becomes an object with the text as its message.',
  },
  {
    field: /^body\.message$/,
    cases: /^(?:chat without messages|completions without a prompt)$/,
    against: ['unified'],
    reason: 'The engine repeats the request, in which the gateway hides what it has added.',
  },
  {
    field: /^(?:status|content type|text|body(?:\..+)?)$/,
    cases:
      /^\w+ (?:of a list|of half a JSON document|that is not UTF-8|with stream as text|with stream of text|with a fraction of a sample|with an echo of text|with fewer rids than prompts|with a rid twice|with sampling_params that are a list of another length|a question with an empty body)$/,
    against: ['unified'],
    reason:
      'The gateway refuses with 400 what is not JSON, what it could not split into prompts, and types that engines read in different ways.',
  },
  {
    field: /^body\.detail$/,
    cases: /^other /,
    against: ['unified'],
    reason: 'The gateway itself says which paths and methods there are, in the form of OpenAI.',
  },
  {
    field: /^body\.error\.(?:message|param|code)$/,
    cases: /^other a model that is not there$/,
    against: ['unified'],
    reason: 'The gateway itself says which models there are.',
  },
  {
    field: /^body\.disaggregation_mode$/,
    cases: /^other what the model is$/,
    against: ['unified'],
    reason: 'The first engine of the pair answers.',
  },
  {
    field: /\.meta_info\.(?:\w+_ts|first_token_latency|queue_time|forward_entry_time|decode_throughput)$/,
    against: ['simulator'],
    reason: 'The simulator measures nothing: only engines with --enable-metrics have these.',
  },
  {
    field: /\.cached_tokens_details(?:\.\w+)?$/,
    against: ['simulator'],
    reason:
      'Real prompts share their first token, and the engines may have been asked before; null says that nothing was cached.',
  },
  {
    field: /(?:\.finish_reason(?:\.\w+)?|\.matched_stop)$/,
    cases:
      /(?:that ends at once|with a stop pattern|with a minimum of tokens|of a regular expression|of a grammar|of a JSON schema|of a JSON object)(?:, stream)?$/,
    against: ['simulator'],
    reason:
      'Its output follows JSON schemas, always to their end, and stop strings, but neither biases nor patterns.',
  },
  {
    field: /\.bytes$/,
    cases: /^chat /,
    against: ['simulator'],
    reason: 'Its tokens that are half a character have no bytes.',
  },
  {
    field: /\.(?:tool_calls\[\]\..+|content)$/,
    cases: /^chat with a tool(?:, stream)?$/,
    against: ['simulator'],
    reason: 'It calls each tool that it may call; the tiny model knows of none.',
  },
  {
    field: /^body\.error\.(?:type|retryable|param|leg)$/,
    cases: /^generate with (?:a schema that is not JSON|an unbalanced pattern), stream$/,
    against: ['simulator'],
    reason:
      'It compiles a grammar before it begins a stream; the engine aborts the output that it has begun.',
  },
  {
    field: /^body(?:\.error)?\.type$/,
    cases: /^\w+ with no samples$/,
    against: ['simulator'],
    reason: 'It checks the number of samples; the engine fails when it counts them.',
  },
  {
    field: /^body\.(?:\w+|(?:embedding|cache)\..+)$/,
    cases: /^other what the model is$/,
    against: ['simulator'],
    reason: 'It says of its model only what routers read.',
  },
]
