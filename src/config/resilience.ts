/** Sections `breaker` and `links`: when an engine, or the way from one engine to another, is left out for a time. */
import { z } from 'zod'

const DAY_SECS = 86_400

/** `breaker` section: the circuit breaker of each engine. */
export const breakerSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: no engine is left out for what it has failed.'),
  failureThreshold: z
    .int()
    .min(1)
    .default(10)
    .describe(
      'Failures within the window before a breaker may open; so many in a row open it at once, if that is the share of what the engine has open.',
    ),
  successThreshold: z.int().min(1).default(3).describe('Good probes that close a breaker again.'),
  openSecs: z
    .number()
    .min(0.01)
    .max(DAY_SECS)
    .default(60)
    .describe('How long an engine gets nothing before a single request probes it.'),
  windowSecs: z.number().min(1).max(DAY_SECS).default(120).describe('Length of the sliding window.'),
  minSamples: z
    .int()
    .min(1)
    .default(20)
    .describe('Ended legs in the window below which its share of failures does not count.'),
  failureShare: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.5)
    .describe('Share of the ended legs in the window that must have failed.'),
  maxEjectedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('Share of the engines of a role that breakers may leave out; beyond it they are ignored.'),
  probeTimeoutSecs: z
    .number()
    .min(0.01)
    .max(DAY_SECS)
    .default(30)
    .describe('A probing request that has shown nothing after so long lets the next one probe.'),
})

/** `links` section: the way of the KV cache from a prefill to a decode engine. */
export const pairsSchema = z
  .strictObject({
    failureThreshold: z
      .int()
      .min(1)
      .max(8)
      .default(3)
      .describe('Failed transfers without a good one between, after which a pair is avoided.'),
    windowSecs: z.number().min(0.1).max(DAY_SECS).default(30).describe('Longest time between two of them.'),
    avoidSecs: z
      .number()
      .min(0.1)
      .max(DAY_SECS)
      .default(30)
      .describe('How long a pair is avoided; doubled each time that it fails again.'),
    maxAvoidSecs: z.number().min(0.1).max(DAY_SECS).default(300).describe('Ceiling of that time.'),
  })
  .refine(section => section.avoidSecs <= section.maxAvoidSecs, {
    path: ['maxAvoidSecs'],
    error: 'must not be less than avoidSecs',
  })
