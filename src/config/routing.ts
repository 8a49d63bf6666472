/** Sections that shape a request's way: policy, retry, timeouts, upstream connections, limits. */
import { z } from 'zod'

const POLICY_NAMES = ['random', 'round_robin', 'power_of_two', 'least_load'] as const

const policyName = z.enum(POLICY_NAMES)

/** `policy` section: how an engine is chosen among the eligible ones. */
export const policySchema = z.strictObject({
  main: policyName.default('least_load').describe('Policy of every role that has none of its own.'),
  prefill: policyName.optional().describe('Policy for prefill engines.'),
  decode: policyName.optional().describe('Policy for decode engines.'),
})

/** `retry` section. */
export const retrySchema = z
  .strictObject({
    maxRetries: z.int().min(0).max(100).default(3).describe('Attempts after the first; 0 turns retry off.'),
    initialBackoffMs: z.int().min(1).default(100).describe('Wait before the first retry.'),
    maxBackoffMs: z.int().min(1).default(10_000).describe('Ceiling of the wait.'),
    backoffMultiplier: z
      .number()
      .min(1)
      .default(2)
      .describe('Growth of the wait from one retry to the next.'),
    jitterFactor: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe(
        'Share of the wait that is left to chance: 0 none, 1 anything between nothing and all of it.',
      ),
    budgetShare: z
      .number()
      .min(0)
      .max(100)
      .default(0.2)
      .describe('Retries over the last 10 s as a share of the requests; one more waits.'),
    budgetFloorPerSec: z
      .number()
      .min(0)
      .default(10)
      .describe('Retries a second that are allowed beside that share, over all router threads.'),
  })
  .refine(section => section.initialBackoffMs <= section.maxBackoffMs, {
    path: ['maxBackoffMs'],
    error: 'must not be less than initialBackoffMs',
  })

function overrideBound(byDefault: number, header: string, key: string) {
  return z
    .number()
    .positive()
    .max(key === 'totalSecs' ? 2_147_483 : 2_147_483_647)
    .default(byDefault)
    .describe(`Most that a request may ask for by ${header}; ${key} where that is more.`)
}

/** `timeouts` section: the four timers of a request, that of its body, and how far a request may move them. */
export const timeoutsSchema = z.strictObject({
  connectMs: z.int().min(1).default(5000).describe('To open a connection to an engine.'),
  firstTokenMs: z.int().min(1).default(120_000).describe('From dispatch to the first token of an attempt.'),
  idleMs: z.int().min(1).default(120_000).describe('Silence between two chunks of a stream.'),
  engineWaitMs: z
    .int()
    .min(0)
    .default(5000)
    .describe('How long a request waits in all while no engine of a role may be chosen.'),
  totalSecs: z
    .number()
    .positive()
    // What a timer of Node can hold.
    .max(2_147_483)
    .default(3600)
    .describe('From accepting the request to its last byte, retries included.'),
  bodyMs: z
    .int()
    .min(100)
    .max(25_000)
    .default(20_000)
    .describe(
      'Time for a client that is sending its body to send `limits.bodyProgressBytes` more, or the rest; then 408.',
    ),
  maxFirstTokenMs: overrideBound(1_200_000, 'x-first-token-timeout-ms', 'firstTokenMs'),
  maxIdleMs: overrideBound(1_200_000, 'x-idle-timeout-ms', 'idleMs'),
  maxTotalSecs: overrideBound(3600, 'x-request-timeout-secs', 'totalSecs'),
})

/** `upstream` section: connections to engines, and how a request is taken back from them. */
export const upstreamSchema = z.strictObject({
  keepAliveMs: z
    .int()
    .min(1)
    .default(3000)
    .describe('Idle life of a connection. Must be below the 5 s after which uvicorn closes without a word.'),
  maxSockets: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Connections to engines in all, shared out to the router threads; 0 takes what the descriptor limit allows.',
    ),
  caFiles: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'PEM files of certificate authorities to trust for https engines, besides those known to Node.',
    ),
  abortMode: z
    .enum(['immediate', 'deferred'])
    .default('immediate')
    .describe(
      'deferred: decode is aborted at its first item, for engines that crash when aborted in mid KV transfer.',
    ),
  abortDeferMs: z
    .int()
    .min(1)
    .default(30_000)
    .describe(
      'Longest wait of the deferred abort, and for prefill to end by itself when decode has failed a batch.',
    ),
  prefillGraceMs: z
    .int()
    .min(1)
    .default(2000)
    .describe(
      "How long decode's complete answer waits for prefill's, which tells whether it can be trusted.",
    ),
})

/** `limits` section: every buffer and every count has its number. */
export const limitsSchema = z.strictObject({
  bodyBytes: z.int().min(1024).default(536_870_912).describe('Largest request body.'),
  bodyProgressBytes: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(8192)
    .describe('What must have come of a body within `timeouts.bodyMs`, again and again; else 408.'),
  headerBytes: z.int().min(1024).max(1_048_576).default(16_384).describe('Largest request head.'),
  openExchanges: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(65_536)
    .describe('Requests open at once; one more is refused with 503.'),
  threadLossRetries: z
    .int()
    .min(0)
    .max(10)
    .default(1)
    .describe(
      'Times that a request without an answer goes to another router thread when its own dies. Then it is tried once more, alone of its kind: one that kills threads ends two more than this, then gets 503 (thread-lost). 0: never opened again.',
    ),
  engines: z.int().min(2).max(1024).default(256).describe('Engines registered at once.'),
  relayBytesPerStream: z
    .int()
    .min(16_384)
    .default(262_144)
    .describe(
      'Bytes of one stream on their way to a client that does not read, before its engine is made to wait.',
    ),
  peekBytes: z
    .int()
    .min(1024)
    .default(1_048_576)
    .describe(
      'Bytes of a stream held back until its first token is seen, besides the size of the request, which may be echoed.',
    ),
  eventBytes: z
    .int()
    .min(1024)
    .default(67_108_864)
    .describe('Largest event of a stream after its first token; a longer one breaks the stream.'),
  answerBytes: z
    .int()
    .min(1024)
    .default(268_435_456)
    .describe('Largest answer of an engine that is held whole.'),
  clientStallMs: z
    .int()
    .min(100)
    .default(300_000)
    .describe('A client that takes nothing for so long while bytes are held for it is cut off.'),
  samples: z
    .int()
    .min(1)
    .default(128)
    .describe('Largest n of a request: each sample is a request of its own.'),
})
