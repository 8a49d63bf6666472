/**
 * What load to make: one zod object with the defaults. It comes from a scenario file or from flags, and goes to the
 * generator processes as plain data; each works out its own share from it.
 */
import { z } from 'zod'
import { MOST_WORDS } from './words.ts'

const count = (least = 1) => z.int().min(least)
const promptTokens = () => count().max(MOST_WORDS)
const share = () => z.number().min(0).max(1)
/** YAML has `.inf`; JSON has not. */
const rate = () => z.union([z.number().positive(), z.literal(Infinity)])

const arrivalsSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('closed'), concurrency: count().describe('Requests open at a time.') }),
  z.strictObject({
    kind: z.literal('open'),
    ratePerSecond: rate().default(Infinity).describe('Mean rate; infinity sends all at once.'),
    burstiness: rate()
      .default(1)
      .describe('Shape of the gamma distributed gaps; 1 = Poisson, less = burstier.'),
    ramp: z
      .strictObject({
        shape: z.enum(['linear', 'exponential']),
        startRatePerSecond: z.number().positive(),
        endRatePerSecond: z.number().positive(),
      })
      .optional()
      .describe('In place of one rate.'),
    maxConcurrency: count()
      .optional()
      .describe('What is due beyond it waits; its latency counts from when it was due.'),
  }),
])

const datasetSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('prompts'),
    prompts: z.array(z.string().min(1)).min(1).readonly(),
    minTokens: count().describe('Least tokens asked for.'),
    maxTokens: count().describe('Most.'),
  }),
  z.strictObject({
    kind: z.literal('random'),
    inputTokens: promptTokens(),
    outputTokens: count(),
    rangeRatio: share().default(1).describe('Lengths lie between this share of the length and all of it.'),
  }),
  z.strictObject({
    kind: z.literal('shared-prefix'),
    groups: count().default(64),
    systemTokens: promptTokens().default(2048),
    questionTokens: promptTokens().default(128),
    outputTokens: count().default(256),
  }),
  z.strictObject({
    kind: z.literal('multi-turn'),
    conversations: count().default(64),
    turns: count().default(4),
    turnTokens: promptTokens().default(64).describe('Of each message.'),
    outputTokens: count().default(64),
  }),
  z.strictObject({
    kind: z.literal('jsonl'),
    path: z.string().min(1),
    outputTokens: count().default(256).describe('For lines that name none.'),
  }),
  z.strictObject({
    kind: z.literal('mooncake'),
    path: z.string().min(1),
    useTimestamps: z
      .boolean()
      .default(false)
      .describe('Requests are due when the trace says, not by the rate.'),
    slowdown: z.number().positive().default(1).describe('The time of the trace is stretched by it.'),
  }),
])

export const planSchema = z.strictObject({
  url: z
    .url({ protocol: /^http$/ })
    .describe('Address of the target; its path goes before those of the API.'),
  endpoint: z.enum(['generate', 'chat', 'completions']).default('chat'),
  model: z.string().default('sim'),
  isStream: z.boolean().default(false),
  requests: count().describe('At most so many.'),
  durationMs: z.number().positive().optional().describe('No request is begun after it.'),
  seed: z.int().default(1),
  arrivals: arrivalsSchema,
  dataset: datasetSchema,
  variedSampling: z.boolean().default(false).describe('Sampling parameters differ from request to request.'),
  ignoreEos: z.boolean().default(true),
  leaveShare: share().default(0).describe('Share of the clients that leave before the end.'),
  leaveWithinMs: z.number().min(0).default(1000).describe('They leave at a random moment up to this.'),
  slowShare: share().default(0).describe('Share of the clients that read slowly.'),
  slowBytesPerSecond: z.number().positive().default(2000),
  connection: z.enum(['keep-alive', 'per-request']).default('keep-alive'),
  timeoutMs: z.number().positive().default(120_000).describe('Longest time of a request.'),
  stallMs: z.number().positive().default(30_000).describe('Longest time between two reads of an answer.'),
  scriptSeed: z
    .int()
    .optional()
    .describe('Seed of the simulated engines: each token is compared with what they must say.'),
  processes: count().max(64).default(1),
  keepsRequestIds: z.boolean().default(false).describe('For a log of every request.'),
  keepsDetails: z.boolean().default(false).describe('The text of every answer and the times in it.'),
  requestIdPrefix: z
    .string()
    .regex(/^[\x21-\x7e]*$/, 'must be visible ASCII without spaces')
    .optional()
    .describe('Requests carry an x-request-id: this and their number.'),
  headers: z.record(z.string(), z.string()).default({}),
  extraBody: z.record(z.string(), z.unknown()).default({}).describe('Put into every request body.'),
})

export type PlanInput = z.input<typeof planSchema>
export type LoadPlan = z.output<typeof planSchema>
export type Dataset = LoadPlan['dataset']
export type Endpoint = LoadPlan['endpoint']
