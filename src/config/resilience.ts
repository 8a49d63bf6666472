/**
 * Sections `retry`, `breaker` and `pairs`: when a failed request is sent again, and when an engine, or a pair of engines,
 * is excluded for a time after failures.
 */
import { z } from 'zod'

const DAY_SECS = 86_400

/** `retry` section. */
export const retrySchema = z
  .strictObject({
    maxRetries: z
      .int()
      .min(0)
      .max(100)
      .default(3)
      .describe('Maximum number of retries per request. 0 disables retries.'),
    initialBackoffMs: z
      .int()
      .min(1)
      .default(100)
      .describe('Backoff before the first retry, in milliseconds.'),
    maxBackoffMs: z.int().min(1).default(10_000).describe('Maximum backoff before a retry, in milliseconds.'),
    backoffMultiplier: z
      .number()
      .min(1)
      .default(2)
      .describe('Factor by which the backoff grows with each retry.'),
    jitterFactor: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        'Share of the backoff that is randomized: 0 disables jitter, 1 draws the delay between 0 and the full backoff.',
      ),
    budgetShare: z
      .number()
      .min(0)
      .max(100)
      .default(0.2)
      .describe(
        'Retries allowed within 10 s, as a share of the requests in that time. A retry on a pair that is known to work costs no budget.',
      ),
    budgetFloorPerSec: z
      .number()
      .min(0)
      .default(10)
      .describe(
        'Retries per second allowed in addition to retry.budgetShare, in total over all router threads.',
      ),
    overBudget: z
      .enum(['fail', 'wait'])
      .default('fail')
      .describe(
        'What happens to a retry beyond the budget: fail, so that the client gets the last failure at once, or wait for budget up to the deadline of the request.',
      ),
    lossHoldMs: z
      .int()
      .min(1)
      .max(DAY_SECS * 1000)
      .default(1000)
      .describe(
        'How long a request that has lost two engines waits until one of them has answered another request, in milliseconds; then it fails. Of several prompts or samples one is repeated first, and the others wait at most that long after each time it is sent. So a request that ends engines ends few.',
      ),
  })
  .refine(section => section.initialBackoffMs <= section.maxBackoffMs, {
    path: ['maxBackoffMs'],
    error: 'must not be less than initialBackoffMs',
  })

/** `breaker` section: the circuit breaker of each engine. */
export const breakerSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Enable circuit breakers, which exclude an engine after repeated failures.'),
  failureThreshold: z
    .int()
    .min(1)
    .default(10)
    .describe(
      'Minimum number of failures in the window before the breaker may open. The same number of consecutive failures opens it at once if they are at least breaker.failureShare of the in-flight requests.',
    ),
  successThreshold: z.int().min(1).default(3).describe('Number of successful probes that close the breaker.'),
  openSecs: z
    .number()
    .min(0.01)
    .max(DAY_SECS)
    .default(60)
    .describe('Time, in seconds, that the breaker stays open before a single request probes the engine.'),
  windowSecs: z
    .number()
    .min(1)
    .max(DAY_SECS)
    .default(120)
    .describe('Length of the sliding window in which outcomes are counted, in seconds.'),
  minSamples: z
    .int()
    .min(1)
    .default(20)
    .describe('Minimum number of finished legs in the window before breaker.failureShare applies to it.'),
  failureShare: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.5)
    .describe(
      'Share of the legs in the window that must have failed for the breaker to open. In-flight requests count as successes.',
    ),
  maxEjectedShare: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      'Share of the engines of a role that breakers may exclude even while the others have no room. Above it, excluded engines are probed after breaker.earlyProbeSecs. Breakers are ignored only if they exclude all engines of a role.',
    ),
  earlyProbeSecs: z
    .number()
    .min(0.01)
    .max(DAY_SECS)
    .default(1)
    .describe(
      'Time, in seconds, that the breaker stays open before a single request probes the engine when the others have no room. If breaker.openSecs is shorter, it applies.',
    ),
  probeTimeoutSecs: z
    .number()
    .min(0.01)
    .max(DAY_SECS)
    .default(30)
    .describe('Time, in seconds, after which a probing request without an outcome lets another one probe.'),
})

/** `pairs` section: the KV transfer from a prefill to a decode engine. */
export const pairsSchema = z
  .strictObject({
    failureThreshold: z
      .int()
      .min(1)
      .max(8)
      .default(3)
      .describe(
        'Number of failed KV transfers, without a success in between, after which a pair is avoided.',
      ),
    windowSecs: z
      .number()
      .min(0.1)
      .max(DAY_SECS)
      .default(30)
      .describe('Maximum time, in seconds, between two failed transfers that count together.'),
    avoidSecs: z
      .number()
      .min(0.1)
      .max(DAY_SECS)
      .default(30)
      .describe('Time, in seconds, that a pair is avoided at first. It doubles with each further failure.'),
    maxAvoidSecs: z
      .number()
      .min(0.1)
      .max(DAY_SECS)
      .default(300)
      .describe('Maximum time, in seconds, that a pair is avoided.'),
  })
  .refine(section => section.avoidSecs <= section.maxAvoidSecs, {
    path: ['maxAvoidSecs'],
    error: 'must not be less than avoidSecs',
  })
