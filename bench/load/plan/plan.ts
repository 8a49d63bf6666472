/**
 * Schema and defaults of a load. A plan comes from a scenario file or from flags, and is sent to the generator processes
 * as plain data; each derives its own share of the requests.
 */
import { z } from 'zod'

/** Limit of one text: a longer one takes minutes to build, and no gateway accepts it. */
export const MAX_PROMPT_TOKENS = 10_000_000

const count = (min = 1) => z.int().min(min)
const promptTokens = () => count().max(MAX_PROMPT_TOKENS)
const share = () => z.number().min(0).max(1)
/** Infinity is written `.inf` in YAML. */
const rate = () => z.union([z.number().positive(), z.literal(Infinity)])

const arrivalsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('closed'), concurrency: count().describe('Concurrent requests.') }),
  z.strictObject({
    kind: z.literal('open'),
    ratePerSecond: rate()
      .default(Infinity)
      .describe('Mean request rate; infinity sends all requests at once.'),
    burstiness: rate()
      .default(1)
      .describe('Shape of the gamma-distributed gaps: 1 is Poisson, less is burstier, infinity is constant.'),
    ramp: z
      .strictObject({
        shape: z.enum(['linear', 'exponential']),
        startRatePerSecond: z.number().positive(),
        endRatePerSecond: z.number().positive(),
      })
      .optional()
      .describe('Changes the rate over the run; replaces ratePerSecond.'),
    maxConcurrency: count()
      .optional()
      .describe('Requests beyond this limit wait; their latency from schedule includes the wait.'),
  }),
])

const datasetSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('prompts'),
    prompts: z.array(z.string().min(1)).min(1).readonly(),
    minTokens: count().describe('Minimum output tokens.'),
    maxTokens: count().describe('Maximum output tokens.'),
  }),
  z.strictObject({
    kind: z.literal('random'),
    inputTokens: promptTokens(),
    outputTokens: count(),
    rangeRatio: share()
      .default(1)
      .describe('Lengths vary between this share of the length and the full length.'),
  }),
  z.strictObject({
    kind: z.literal('shared-prefix'),
    groups: count().default(64),
    systemTokens: promptTokens().default(2048),
    questionTokens: promptTokens().default(128),
    outputTokens: count().default(256),
    popularity: z
      .enum(['in-turn', 'uniform', 'zipf'])
      .default('in-turn')
      .describe('How the group of a request is chosen: in turn, or at random.'),
    zipfExponent: z
      .number()
      .positive()
      .default(1.2)
      .describe('With zipf, group n is chosen in proportion to 1 / n to this power.'),
  }),
  z.strictObject({
    kind: z.literal('multi-turn'),
    conversations: count().default(64),
    turns: count().default(4),
    turnTokens: promptTokens().default(64).describe('Tokens in each message.'),
    outputTokens: count().default(64),
  }),
  z.strictObject({
    kind: z.literal('conversations'),
    conversations: count().default(80).describe('Conversations at the same time.'),
    turns: count().default(6),
    systems: count().default(8).describe('System prompts, which the conversations share.'),
    systemTokens: promptTokens().default(512),
    turnTokens: promptTokens().default(256).describe('Tokens that a user adds in each turn.'),
    outputTokens: count().default(32),
  }),
  z.strictObject({
    kind: z.literal('jsonl'),
    path: z.string().min(1),
    outputTokens: count().default(256).describe('Output tokens for lines that specify none.'),
  }),
  z.strictObject({
    kind: z.literal('mooncake'),
    path: z.string().min(1),
    useTimestamps: z
      .boolean()
      .default(false)
      .describe('Sends requests at the times of the trace instead of at the rate.'),
    slowdown: z
      .number()
      .positive()
      .default(1)
      .describe('Factor by which the times of the trace are stretched.'),
  }),
])

const httpUrl = () => z.url({ protocol: /^http$/ })

/** Engines that a load is sent to without a gateway. */
const pinnedSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('mixed'), urls: z.array(httpUrl()).min(1) }),
  z.strictObject({
    kind: z.literal('pairs'),
    prefill: z.array(z.strictObject({ url: httpUrl(), bootstrapPort: z.int() })).min(1),
    decode: z.array(httpUrl()).min(1),
  }),
])

export const planSchema = z.strictObject({
  url: httpUrl().describe('URL of the target; its path is prepended to the API paths.'),
  otherUrls: z
    .array(httpUrl())
    .default([])
    .describe('More gateways before the same engines; requests go to all of them in turn.'),
  pinned: pinnedSchema
    .optional()
    .describe(
      'Requests go to these engines and not to url: those with the same beginning to the same engine, as the best gateway could do if it knew all requests. With pairs, each goes to a prefill engine and, in turn, a decode engine.',
    ),
  endpoint: z.enum(['generate', 'chat', 'completions']).default('chat'),
  model: z.string().default('sim'),
  isStream: z.boolean().default(false),
  requests: count().describe('Number of requests; an upper bound if durationMs is set.'),
  durationMs: z.number().positive().optional().describe('No request is sent after this time.'),
  seed: z.int().default(1),
  arrivals: arrivalsSchema,
  dataset: datasetSchema,
  variedSampling: z.boolean().default(false).describe('Varies sampling parameters from request to request.'),
  ignoreEos: z.boolean().default(true),
  leaveShare: share().default(0).describe('Share of clients that disconnect before the end.'),
  leaveWithinMs: z.number().min(0).default(1000).describe('They disconnect at a random time up to this.'),
  slowShare: share().default(0).describe('Share of clients that read slowly.'),
  slowBytesPerSecond: z.number().positive().default(2000),
  connection: z.enum(['keep-alive', 'per-request']).default('keep-alive'),
  timeoutMs: z.number().positive().default(120_000).describe('Timeout of a request.'),
  stallMs: z.number().positive().default(30_000).describe('Timeout between two reads of a response.'),
  scriptSeed: z
    .int()
    .optional()
    .describe('Output seed of the simulated engines; every token is compared with the expected one.'),
  processes: count().max(64).default(1),
  keepsRequestIds: z.boolean().default(false).describe('Keeps response request ids, for the request log.'),
  keepsDetails: z.boolean().default(false).describe('Keeps the text of every response and its token times.'),
  requestIdPrefix: z
    .string()
    .regex(/^[\x21-\x7e]*$/, 'must be visible ASCII without spaces')
    .optional()
    .describe('Requests carry an x-request-id header: this prefix and their number.'),
  headers: z.record(z.string(), z.string()).default({}),
  extraBody: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Properties added to every request body.'),
})

export type PlanInput = z.input<typeof planSchema>
export type LoadPlan = z.output<typeof planSchema>
export type Dataset = LoadPlan['dataset']
export type Endpoint = LoadPlan['endpoint']
export type Pinned = NonNullable<LoadPlan['pinned']>
