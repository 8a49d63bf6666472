/** The JSON report of a bench run: a stable shape. A field is never renamed; a change that breaks readers is a new version. */
import { z } from 'zod'

const number = z.number()

const distributionSchema = z.strictObject({
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

const levelSchema = z.strictObject({
  name: z.string(),
  endpoint: z.string(),
  isStream: z.boolean(),
  arrivals: z.record(z.string(), z.unknown()).describe('Closed or open loop, as asked for.'),
  connectionMode: z.enum(['keep-alive', 'per-request']),
  seed: number,
  areTokensChecked: z.boolean().describe('Each token was compared with the script of the simulated engine.'),
  wasInterrupted: z.boolean(),
  durationSeconds: number,
  requests: z.strictObject({ sent: number, ok: number, failed: number, refused: number, left: number }),
  successPercent: number.describe('Of the requests whose clients stayed.'),
  requestsPerSecond: number.describe('Of good answers.'),
  inputTokens: number,
  outputTokens: number.describe("By the engine's usage; non-empty pieces where it gives none."),
  outputTokensPerSecond: number,
  latencyMs: distributionSchema.describe('Of good answers, from sending.'),
  latencyFromScheduleMs: distributionSchema.describe('From when the request was due.'),
  ttftMs: distributionSchema.describe('From sending to the first token that is not empty; streams only.'),
  ttftFromScheduleMs: distributionSchema,
  tpotMs: distributionSchema.describe('Without the first token.'),
  ntpotMs: distributionSchema.describe('Latency over all output tokens.'),
  itlMs: distributionSchema.describe('Between tokens; a chunk of several counts as several.'),
  iclMs: distributionSchema.describe('Between chunks.'),
  failures: z.record(z.string(), z.strictObject({ count: number, example: z.string() })),
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
  version: z.literal(1),
  command: z.string(),
  target: z.string(),
  startedAt: z.iso.datetime(),
  levels: z.array(levelSchema),
})

export type Report = z.output<typeof reportSchema>
export type Level = z.output<typeof levelSchema>
export type Distribution = z.output<typeof distributionSchema>
