/**
 * The JSON report of `bench compare`: a stable shape. A field is never renamed; a change that breaks readers is a new
 * version. How the figures come about: `bench/compare/`.
 */
import { z } from 'zod'

const number = z.number()

/** What is measured in every round, in the order in which reports show it. */
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
  pid: z.int().optional().describe('Process whose CPU and memory are read; unset: neither is known.'),
})

const roundSchema = z.strictObject({
  index: z.int().describe('Place among all rounds, in the order in which they ran; from 0.'),
  target: z.string().describe('Name of the target.'),
  block: z.int().describe('Rounds of a block are compared with each other; from 0.'),
  placeInBlock: z.int().describe('From 0. Two targets A and B go A B B A in one block, B A A B in the next.'),
  seed: z.int().describe('Of the words of its prompts; each round has its own.'),
  startedAtMs: number.describe('Milliseconds since the first round began.'),
  durationSeconds: number,
  requests: z.strictObject({ sent: number, ok: number, failed: number, refused: number }),
  successPercent: number,
  requestsPerSecond: number.describe('Of good answers.'),
  ttftP50Ms: number.optional().describe('Streams only.'),
  ttftP99Ms: number.optional(),
  latencyP50Ms: number
    .optional()
    .describe('Of good answers, from sending to the last byte; unset when there was none.'),
  latencyP99Ms: number.optional(),
  cpuUsPerRequest: number.optional().describe('User and system time of all threads of the process.'),
  rssBytes: number.optional().describe('Resident memory at the end of the round.'),
  isGeneratorLimit: z.boolean().describe('A generator process was busy all the time: it measured itself.'),
})

const intervalSchema = z.strictObject({
  median: number,
  low: number,
  high: number,
})

const differenceSchema = z.strictObject({
  metric: z.enum(COMPARE_METRICS),
  base: z.string().describe('Name of a target.'),
  target: z.string().describe('Name of the target that is compared with it.'),
  pairs: z.int().describe('Blocks that hold a figure of both.'),
  baseMedian: number.describe('Over the blocks.'),
  targetMedian: number,
  absolute: intervalSchema.describe('Target less base, in the unit of the metric.'),
  ratio: intervalSchema.optional().describe('Target over base; unset where a base is 0.'),
  level: number.describe(
    'Confidence of the interval, 0..1: such that all absolute intervals of the report hold together with 0.95.',
  ),
  holdsZero: z.boolean().describe('The absolute interval holds 0: no difference was shown.'),
})

export const compareReportSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('compare'),
  startedAt: z.iso.datetime(),
  wasInterrupted: z.boolean().describe('Then the last block may be partial; it is in no difference.'),
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
  rounds: z.array(roundSchema).describe('Without those that warmed up.'),
  differences: z
    .array(differenceSchema)
    .describe('One for each metric that is known and each pair of targets.'),
})

export type CompareReport = z.output<typeof compareReportSchema>
export type CompareRound = z.output<typeof roundSchema>
export type CompareTarget = z.output<typeof targetSchema>
export type Difference = z.output<typeof differenceSchema>
export type CompareMetric = (typeof COMPARE_METRICS)[number]
