/** Schema of the JSON report of a run. A change that breaks readers, such as a renamed field, gets a new version. */
import { z } from 'zod'

const number = z.number()

/** null if nothing was measured, because a 0 would look like the best possible time. */
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
    quantilesMs: z
      .array(z.tuple([number, number]))
      .describe('Pairs of percentile and milliseconds, ascending.'),
    edgesMs: z.array(number).describe('Edges of the bins of a histogram, one more than the counts.'),
    counts: z.array(number),
  })
  .describe('Shape of a distribution for a plot; empty without samples.')

const columns = () => z.array(number)
const gappyColumns = () => z.array(number.nullable())

const timelineSchema = z
  .strictObject({
    stepSeconds: number.describe('Entry i of each column covers the time from i to i + 1 steps.'),
    inFlight: columns().describe('Mean number of requests in flight.'),
    correctPerSecond: columns(),
    errorsPerSecond: columns().describe('Failed and refused requests.'),
    outputTokensPerSecond: columns().describe(
      'Tokens of a stream are spread evenly over its duration; others count at the end.',
    ),
    latencyP50Ms: gappyColumns().describe('Of the correct responses that ended in the step.'),
    latencyP99Ms: gappyColumns(),
  })
  .describe('The level over time.')

const failureSchema = z.strictObject({
  count: number,
  example: z.string(),
  firstSeconds: number.describe('End of the first such request, from the start of the level.'),
  lastSeconds: number,
})

const levelSchema = z.strictObject({
  name: z.string(),
  startedAt: z.iso.datetime(),
  endpoint: z.string(),
  isStream: z.boolean(),
  arrivals: z
    .record(z.string(), z.unknown())
    .describe('Closed or open loop, as requested; infinity is "inf".'),
  dataset: z.record(z.string(), z.unknown()).describe('As requested, without the prompt texts.'),
  plannedRequests: number.nullable().describe('null if the load is limited by time.'),
  plannedSeconds: number.nullable().describe('null if the load is limited by requests.'),
  connectionMode: z.enum(['keep-alive', 'per-request']),
  seed: number,
  areTokensChecked: z
    .boolean()
    .describe('Every token was compared with the output script of the simulated engine.'),
  wasInterrupted: z.boolean(),
  durationSeconds: number,
  requests: z.strictObject({
    sent: number,
    ok: number,
    failed: number,
    refused: number.describe('429 or 503.'),
    left: number.describe('Their clients disconnected before the end, as planned.'),
    unfinished: number.describe('Open when the run was interrupted.'),
  }),
  successPercent: number
    .nullable()
    .describe('Of the requests that ended and whose clients stayed; null if there was none.'),
  requestsPerSecond: number.describe('Rate of correct responses.'),
  inputTokens: number.describe('Of correct responses, from the usage that the engine reports.'),
  prefixCache: z
    .strictObject({ promptTokens: number, cachedTokens: number, hitPercent: number })
    .nullable()
    .describe(
      'Prompt tokens of the correct responses whose engine reports how many of them it had cached; null if none does. hitPercent is the share of those that were cached.',
    ),
  outputTokens: number.describe(
    "Of correct responses, from the engine's usage, or the number of chunks with text without it.",
  ),
  outputTokensPerSecond: number,
  maxOutputTokensPerSecond: number.describe(
    'Tokens that arrived in the busiest second; a chunk counts as one token if the engine reports no counts.',
  ),
  inFlight: z.strictObject({ mean: number, max: number }),
  busiestSecond: z
    .strictObject({
      chunks: number.describe('Most chunks with text that arrived in one second.'),
      requests: number.describe('Most requests that touched one second; higher than inFlight.max.'),
    })
    .describe('Of correct responses, counted as SGLang and vLLM do.'),
  latencyMs: distributionSchema.describe('Of correct responses, from sending.'),
  latencyFromScheduleMs: distributionSchema.describe('From the time at which the request was due.'),
  ttftMs: distributionSchema.describe('From sending to the first non-empty token; streams only.'),
  ttftFromScheduleMs: distributionSchema,
  tpotMs: distributionSchema.describe('Time per output token, without the first.'),
  ntpotMs: distributionSchema.describe('Latency divided by the number of output tokens.'),
  itlMs: distributionSchema.describe(
    'Time between tokens of all streams, including truncated ones; a chunk with several tokens counts as several.',
  ),
  iclMs: distributionSchema.describe('Time between chunks of all streams.'),
  shapes: z.strictObject({ latency: shapeSchema, ttft: shapeSchema, itl: shapeSchema }),
  timeline: timelineSchema,
  failures: z.record(z.string(), failureSchema).describe('Failed and refused requests by kind.'),
  generator: z.strictObject({
    busyShares: z.array(number).describe('Share of the time in which each generator process was busy.'),
    cpuShares: z.array(number).describe('CPU use of each generator process; 1 is one core.'),
    isLimit: z
      .boolean()
      .describe('A generator process was too busy for the load, so the level measured the generator.'),
    scheduleLagP99Ms: number,
  }),
})

export const reportSchema = z.strictObject({
  version: z
    .literal(4)
    .describe(
      'Version 2 replaced zeros for unknown times and shares with null. Version 3 renamed leastPercent to minPercent, ' +
        'promises to expectations, mostOutputTokensASecond to maxOutputTokensPerSecond and inFlight.most to inFlight.max. ' +
        'Version 4 renamed rightPerSecond to correctPerSecond, wrongPerSecond to errorsPerSecond, and seen and wanted of ' +
        'an expectation to measured and expected, and added busiestSecond.',
    ),
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
    .describe('Program and machine that generated the load.'),
  minPercent: number.nullable().describe('No further level ran below this percentage of correct responses.'),
  levels: z.array(levelSchema),
  expectations: z
    .array(
      z.strictObject({ name: z.string(), measured: z.string(), expected: z.string(), holds: z.boolean() }),
    )
    .default([])
    .describe('Expectations of a fault run, with the measured values.'),
})

export type Report = z.output<typeof reportSchema>
export type Level = z.output<typeof levelSchema>
export type Distribution = NonNullable<z.output<typeof distributionSchema>>
export type Shape = z.output<typeof shapeSchema>
export type Timeline = z.output<typeof timelineSchema>
export type Failures = Level['failures']
