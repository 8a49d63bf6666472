/** Sections that govern the path of a request: `policy`, `timeouts`, `upstream` and `limits`. */
import { z } from 'zod'
import { affinityKeys } from './caching/affinity.ts'
import { kvEventsSchema } from './caching/kv-events.ts'
import { clientLimits, clientTimeouts } from './clients.ts'
import { requestLimits } from './request-limits.ts'

const POLICY_NAMES = [
  'cache_aware',
  'prefix_hash',
  'bucket',
  'consistent_hashing',
  'manual',
  'random',
  'round_robin',
  'power_of_two',
  'least_load',
] as const

const policyName = z.enum(POLICY_NAMES)

/** `policy` section: how an engine is chosen from the eligible ones. */
export const policySchema = z.strictObject({
  main: policyName
    .default('cache_aware')
    .describe(
      `Load balancing policy for every role without a policy of its own: ${POLICY_NAMES.slice(0, -1).join(', ')} or ${POLICY_NAMES.at(-1)}.`,
    ),
  prefill: policyName
    .optional()
    .describe('Load balancing policy for prefill engines. Defaults to policy.main.'),
  decode: policyName
    .optional()
    .describe(
      'Load balancing policy for decode engines. Defaults to policy.main, or to least_load if that is cache_aware, prefix_hash or bucket.',
    ),
  indexBytes: z
    .int()
    .min(1024)
    .max(1_073_741_824)
    .default(67_108_864)
    .describe('Memory of the index of cached prefixes, in bytes, which policy cache_aware uses.'),
  cacheThreshold: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(
      'Share of a prompt above which a cached prefix counts for cache_aware. Unset, every prefix counts for what it saves.',
    ),
  balanceAbs: z
    .int()
    .min(0)
    .optional()
    .describe(
      'For cache_aware: requests in flight that one engine must have more than another, and policy.balanceRel times as many, for the choice to go by load alone. Set together or alone (64 and 1.5 then stand for the other), they take the place of the own bound, one and a half times the mean and 4 more.',
    ),
  balanceRel: z
    .number()
    .min(1)
    .optional()
    .describe('Factor between the most and the fewest requests in flight, see policy.balanceAbs.'),
  ...affinityKeys,
  kvEvents: kvEventsSchema.prefault({}),
  defaultModel: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Model of requests that name none, when the engines serve several models. Without it such requests are rejected with 400.',
    ),
})

/** Largest delay of a Node timer, in milliseconds. */
const MAX_TIMER_MS = 2_147_483_647

/** Bound of a timeout that a client may set by a request header. The configured timeout is allowed even if longer. */
function overrideBound(byDefault: number, header: string, key: string) {
  const isSecs = key.endsWith('Secs')
  const unit = isSecs ? 'seconds' : 'milliseconds'
  return z
    .number()
    .positive()
    .max(isSecs ? Math.floor(MAX_TIMER_MS / 1000) : MAX_TIMER_MS)
    .default(byDefault)
    .describe(
      `Maximum value of the ${header} request header, in ${unit}. If ${key} is larger, ${key} applies.`,
    )
}

/** `timeouts` section: the timeouts of a request and its body, and the bounds for overriding them by request headers. */
export const timeoutsSchema = z.strictObject({
  connectMs: z
    .int()
    .min(1)
    .default(5000)
    .describe('Timeout for opening a connection to an engine, in milliseconds.'),
  firstTokenMs: z
    .int()
    .min(1)
    .default(120_000)
    .describe('Timeout from the dispatch of an attempt to its first token, in milliseconds.'),
  idleMs: z
    .int()
    .min(1)
    .default(120_000)
    .describe('Maximum time between two chunks of a stream, in milliseconds.'),
  pingOnlyMs: z
    .int()
    .min(1)
    .default(600_000)
    .describe(
      'Maximum time, in milliseconds, in which an engine may send nothing but comments and pings in a stream, or blanks in a body, after the first data. If timeouts.idleMs is larger, that applies.',
    ),
  engineWaitMs: z
    .int()
    .min(0)
    .default(5000)
    .describe('Maximum total time, in milliseconds, that a request waits while a role has no usable engine.'),
  totalSecs: z
    .number()
    .positive()
    .max(Math.floor(MAX_TIMER_MS / 1000))
    .default(3600)
    .describe(
      'Maximum time, in seconds, from receiving the request head to the end of the response, including queueing and retries.',
    ),
  ...clientTimeouts,
  maxFirstTokenMs: overrideBound(1_200_000, 'x-first-token-timeout-ms', 'firstTokenMs'),
  maxIdleMs: overrideBound(1_200_000, 'x-idle-timeout-ms', 'idleMs'),
  maxTotalSecs: overrideBound(3600, 'x-request-timeout-secs', 'totalSecs'),
})

/** `upstream` section: connections to engines, and how requests are aborted on them. */
export const upstreamSchema = z.strictObject({
  keepAliveMs: z
    .int()
    .min(1)
    .default(3000)
    .describe(
      'Time, in milliseconds, after which an idle engine connection is closed. Must be less than the 5 s after which uvicorn closes it.',
    ),
  maxConnectionAgeSecs: z
    .number()
    .positive()
    .default(300)
    .describe(
      'Age, in seconds, from which a connection to an engine carries no further request, so that requests follow a name whose address has changed.',
    ),
  maxSockets: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum number of engine connections, divided among the router threads. 0 uses what the file descriptor limit allows.',
    ),
  caFiles: z
    .array(z.string().min(1))
    .default([])
    .describe(
      "PEM files with certificate authorities to trust for https engines, in addition to Node's own list.",
    ),
  abortMode: z
    .enum(['immediate', 'deferred'])
    .default('immediate')
    .describe(
      'When to abort a decode request: immediate, or deferred until its first event, for engines that crash when aborted during a KV transfer.',
    ),
  abortDeferMs: z
    .int()
    .min(1)
    .default(30_000)
    .describe('Maximum delay of a deferred abort, in milliseconds.'),
  prefillGraceMs: z
    .int()
    .min(1)
    .default(2000)
    .describe(
      'Maximum time, in milliseconds, that a complete decode response waits for the prefill response that validates it.',
    ),
})

/** `limits` section: bounds of buffers and counts. */
export const limitsSchema = z.strictObject({
  ...clientLimits,
  openExchanges: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(65_536)
    .describe('Maximum number of open requests. Further requests are rejected with 503.'),
  threadLossRetries: z
    .int()
    .min(0)
    .max(10)
    .default(1)
    .describe(
      'Number of times that an unanswered request is reassigned when its router thread dies. It is then retried once more in isolation, so a request that crashes threads ends at most this number plus two before it is rejected with 503 (thread-lost). 0 disables reassignment.',
    ),
  engines: z.int().min(2).max(1024).default(256).describe('Maximum number of registered engines.'),
  peekBytes: z
    .int()
    .min(1024)
    .default(1_048_576)
    .describe(
      'Maximum size of the events of a stream before the one with its first token, in bytes, in addition to the size of the request, which the engine may echo.',
    ),
  eventBytes: z
    .int()
    .min(1024)
    .default(67_108_864)
    .describe(
      'Maximum size of a stream event, in bytes. A larger event fails the request, which is not retried.',
    ),
  responseBytes: z
    .int()
    .min(1024)
    .default(268_435_456)
    .describe('Maximum size of an engine response that is buffered whole, in bytes.'),
  ...requestLimits,
})
