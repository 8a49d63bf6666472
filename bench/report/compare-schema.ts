/**
 * Schema of the JSON report of `bench compare`. A change that breaks readers, such as a renamed field, gets a new
 * version. The figures are computed in `bench/compare/`.
 */
import { z } from 'zod'

const number = z.number()

/** The metrics of every round, in the order of the reports. */
export const COMPARE_METRICS = [
  'successPercent',
  'requestsPerSecond',
  'ttftP50Ms',
  'ttftP99Ms',
  'latencyP50Ms',
  'latencyP99Ms',
  'cpuUsPerRequest',
  'rssBytes',
] as const

const targetSchema = z.strictObject({
  name: z.string(),
  url: z.string(),
  pid: z.int().optional().describe('Process whose CPU and memory are read; without it they are unknown.'),
})

const roundSchema = z.strictObject({
  index: z.int().describe('Number of the round in the order of the run, from 0.'),
  target: z.string().describe('Name of the target.'),
  block: z.int().describe('Number of the block, from 0; rounds of a block are compared with each other.'),
  positionInBlock: z
    .int()
    .describe('From 0. Two targets A and B run A B B A in one block, and B A A B in the next.'),
  seed: z.int().describe('Seed of the prompts; each round has its own.'),
  startedAtMs: number.describe('Time since the start of the first round.'),
  durationSeconds: number,
  requests: z.strictObject({ sent: number, ok: number, failed: number, refused: number }),
  successPercent: number,
  requestsPerSecond: number.describe('Rate of correct responses.'),
  ttftP50Ms: number.optional().describe('Streams only.'),
  ttftP99Ms: number.optional(),
  latencyP50Ms: number
    .optional()
    .describe('Of correct responses, from sending to the last byte; unset if there was none.'),
  latencyP99Ms: number.optional(),
  cpuUsPerRequest: number.optional().describe('User and system CPU time of all threads of the process.'),
  rssBytes: number.optional().describe('Resident memory at the end of the round.'),
  isGeneratorLimit: z
    .boolean()
    .describe('A generator process was saturated, so the round measured the generator.'),
})

const intervalSchema = z.strictObject({
  median: number,
  low: number,
  high: number,
})

const differenceSchema = z.strictObject({
  metric: z.enum(COMPARE_METRICS),
  base: z.string().describe('Name of a target.'),
  target: z.string().describe('Name of the target that is compared with the base.'),
  pairs: z.int().describe('Number of blocks with a figure of both.'),
  baseMedian: number.describe('Median over the blocks.'),
  targetMedian: number,
  absolute: intervalSchema.describe('Target minus base, in the unit of the metric.'),
  ratio: intervalSchema.optional().describe('Target divided by base; unset if a base is 0.'),
  level: number.describe(
    'Confidence level of the interval, 0..1, chosen so that all absolute intervals of the report hold together with 0.95.',
  ),
  holdsZero: z
    .boolean()
    .describe('Whether the absolute interval contains 0, which means that no difference was shown.'),
})

export const compareReportSchema = z.strictObject({
  version: z.literal(2).describe('Version 2 renamed placeInBlock to positionInBlock.'),
  kind: z.literal('compare'),
  startedAt: z.iso.datetime(),
  wasInterrupted: z
    .boolean()
    .describe('If so, the last block may be incomplete; it is then in no difference.'),
  load: z.strictObject({
    endpoint: z.string(),
    isStream: z.boolean(),
    connectionMode: z.enum(['keep-alive', 'per-request']),
    concurrency: z.int(),
    requestsPerRound: z.int(),
    processes: z.int(),
    areTokensChecked: z.boolean(),
  }),
  targets: z.array(targetSchema).min(2),
  rounds: z.array(roundSchema).describe('Without the warm-up rounds.'),
  differences: z.array(differenceSchema).describe('One for each known metric and each pair of targets.'),
})

export type CompareReport = z.output<typeof compareReportSchema>
export type CompareRound = z.output<typeof roundSchema>
export type CompareTarget = z.output<typeof targetSchema>
export type Difference = z.output<typeof differenceSchema>
export type CompareMetric = (typeof COMPARE_METRICS)[number]
