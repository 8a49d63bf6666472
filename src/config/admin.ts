/** Section `admin`: the listener of the control thread, with probes, metrics and the engines. */
import { z } from 'zod'

/** From 1 ms to an hour: first tokens and whole generations share them. */
const DURATION_BUCKETS_SECS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1200, 3600,
]

export const adminSchema = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on for /metrics and /admin.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(29_000)
    .describe('Port to listen on for /metrics and /admin; 0 takes a free one.'),
  durationBucketsSecs: z
    .array(z.number().positive())
    .min(1)
    .max(64)
    .refine(bounds => bounds.every((bound, at) => bound > (bounds[at - 1] ?? 0)), 'must ascend')
    .default(DURATION_BUCKETS_SECS)
    .describe('Upper bounds of the buckets of all histograms, in seconds.'),
  allowRemoteChanges: z
    .boolean()
    .default(false)
    .describe('Changes of /admin are taken from any address; without it from this machine only.'),
  drainSecs: z
    .number()
    .positive()
    .default(600)
    .describe('How long an engine that is removed may go on with what is in flight on it.'),
})
