/** The JSON report of a bench run: a stable shape. A field is never renamed; a change that breaks readers is a new version. */
import { z } from 'zod'

const number = z.number()

/** null: there was nothing to measure. A 0 would look like the best of all times. */
const distributionSchema = z
  .strictObject({
    count: number,
    mean: number,
    median: number,
    std: number,
    min: number,
    max: number,
    p50: number,
    p75: number,
    p90: number,
    p95: number,
    p99: number,
    p999: number,
  })
  .nullable()

const shapeSchema = z
  .strictObject({
    quantilesMs: z.array(z.tuple([number, number])).describe('Percent and milliseconds, rising.'),
    edgesMs: z.array(number).describe('Of the bins of a histogram, one more than there are counts.'),
    counts: z.array(number),
  })
  .describe('What a plot needs of a distribution; empty when there are no samples.')

const columns = () => z.array(number)
const gappyColumns = () => z.array(number.nullable())

const timelineSchema = z
  .strictObject({
    stepSeconds: number.describe('Entry i of each column is about the time from i to i + 1 steps.'),
    inFlight: columns().describe('Requests open, mean.'),
    rightPerSecond: columns(),
    wrongPerSecond: columns().describe('Failed and refused.'),
    outputTokensPerSecond: columns().describe(
      'Tokens of a stream are spread evenly over its time; others count at the end.',
    ),
    latencyP50Ms: gappyColumns().describe('Of the good answers that ended then.'),
    latencyP99Ms: gappyColumns(),
  })
  .describe('The level over time, from its start.')

const failureSchema = z.strictObject({
  count: number,
  example: z.string(),
  firstSeconds: number.describe('When the first one ended, from the start of the level.'),
  lastSeconds: number,
})

const levelSchema = z.strictObject({
  name: z.string(),
  startedAt: z.iso.datetime(),
  endpoint: z.string(),
  isStream: z.boolean(),
  arrivals: z
    .record(z.string(), z.unknown())
    .describe('Closed or open loop, as asked for; no bound is "inf".'),
  dataset: z.record(z.string(), z.unknown()).describe('As asked for, without the texts.'),
  plannedRequests: number.nullable().describe('null: as many as the time allows.'),
  plannedSeconds: number.nullable().describe('null: until all requests have ended.'),
  connectionMode: z.enum(['keep-alive', 'per-request']),
  seed: number,
  areTokensChecked: z.boolean().describe('Each token was compared with the script of the simulated engine.'),
  wasInterrupted: z.boolean(),
  durationSeconds: number,
  requests: z.strictObject({
    sent: number,
    ok: number,
    failed: number,
    refused: number.describe('429 or 503.'),
    left: number.describe('Their clients went before the end, as they were told to.'),
    unfinished: number.describe('Open when the run was interrupted.'),
  }),
  successPercent: number
    .nullable()
    .describe('Of the requests that ended and whose clients stayed; null when there was none.'),
  requestsPerSecond: number.describe('Of good answers.'),
  inputTokens: number.describe('Of good answers, by the usage that the engine tells at their end.'),
  outputTokens: number.describe(
    "Of good answers, by the engine's usage, or non-empty pieces where it gives none.",
  ),
  outputTokensPerSecond: number,
  mostOutputTokensASecond: number.describe(
    'In the fullest second, as they came; a chunk is one token where the engine does not count along.',
  ),
  inFlight: z.strictObject({ mean: number, most: number }),
  latencyMs: distributionSchema.describe('Of good answers, from sending.'),
  latencyFromScheduleMs: distributionSchema.describe('From when the request was due.'),
  ttftMs: distributionSchema.describe('From sending to the first token that is not empty; streams only.'),
  ttftFromScheduleMs: distributionSchema,
  tpotMs: distributionSchema.describe('Without the first token.'),
  ntpotMs: distributionSchema.describe('Latency over all output tokens.'),
  itlMs: distributionSchema.describe(
    'Between tokens, of all streams, those too that were cut short; a chunk of several counts as several.',
  ),
  iclMs: distributionSchema.describe('Between chunks, of all streams.'),
  shapes: z.strictObject({ latency: shapeSchema, ttft: shapeSchema, itl: shapeSchema }),
  timeline: timelineSchema,
  failures: z.record(z.string(), failureSchema).describe('Failed and refused requests by kind.'),
  generator: z.strictObject({
    busyShares: z.array(number).describe('Of its time, for each process that made the load.'),
    cpuShares: z.array(number).describe('Of a core, for each process.'),
    isLimit: z
      .boolean()
      .describe('A process was too busy, for its time or for so few requests at a time: it measured itself.'),
    scheduleLagP99Ms: number,
  }),
})

export const reportSchema = z.strictObject({
  version: z.literal(2).describe('1 had zeros where a time or share is not known, 2 has null.'),
  command: z.string(),
  target: z.string(),
  startedAt: z.iso.datetime(),
  environment: z
    .strictObject({
      program: z.string(),
      node: z.string(),
      system: z.string(),
      processors: z.string(),
    })
    .describe('Where the load was made.'),
  leastPercent: number.nullable().describe('No further level below this share of right answers.'),
  levels: z.array(levelSchema),
  promises: z
    .array(z.strictObject({ name: z.string(), seen: z.string(), wanted: z.string(), holds: z.boolean() }))
    .default([])
    .describe('What a run of faults must show, beside what it has shown.'),
})

export type Report = z.output<typeof reportSchema>
export type Level = z.output<typeof levelSchema>
export type Distribution = NonNullable<z.output<typeof distributionSchema>>
export type Shape = z.output<typeof shapeSchema>
export type Timeline = z.output<typeof timelineSchema>
export type Failures = Level['failures']
