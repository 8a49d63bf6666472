/**
 * The settings ("knobs") of a simulated engine, with their defaults. Times are in milliseconds, probabilities in 0..1.
 *
 * They may be changed while an engine runs. A fault knob then applies from the next request on.
 */
import { z } from 'zod'

const ms = (byDefault: number) => z.number().min(0).default(byDefault)
const probability = () => z.number().min(0).max(1).default(0)
const count = (byDefault: number) => z.int().min(0).default(byDefault)
const flag = (byDefault: boolean) => z.boolean().default(byDefault)

const engineShape = {
  profile: z
    .enum(['sglang-2026-10', 'sglang-2026-10-rust', 'sglang-2026-07', 'sglang-2026-02'])
    .default('sglang-2026-10')
    .describe('Engine version whose behaviour is simulated.'),
  backend: z.enum(['mooncake', 'nixl']).default('mooncake').describe('KV transfer backend.'),
  version: z.string().default('0.5.23').describe('Version in /server_info.'),
  modelId: z.string().default('sim').describe('Model name in /v1/models.'),
  contextLen: count(131_072).describe('Context length in tokens: prompt and output together.'),
  maxReqInputLen: count(0).describe(
    'Longest prompt in tokens that the scheduler accepts; 0 means contextLen - 6.',
  ),
  pageSize: count(64).describe('Tokens per KV cache page.'),
  dpSize: z
    .int()
    .min(1)
    .default(1)
    .describe(
      'Data-parallel ranks, each with its own scheduler and caches of the sizes given here. Cannot be changed later.',
    ),
  dpAttention: flag(false).describe(
    'Ranks share one attention group: prefill refuses rooms of another rank, and not all rooms but those of rank 0.',
  ),
  maxRunning: count(256).describe('Maximum number of requests in the running batch.'),
  maxQueued: count(0).describe(
    'Maximum queue length of a mixed engine; 0 means no limit. PD engines never reject for this reason.',
  ),
  kvTokens: count(480_000).describe('Size of the KV cache in tokens.'),
  reservedDecodeTokens: count(512).describe(
    'KV cache tokens that a decode engine reserves for each active request.',
  ),
  apiKey: z.string().default('').describe('Bearer key that requests must carry; empty means none.'),
  adminApiKey: z
    .string()
    .default('')
    .describe(
      'Bearer key that aborts, cache flushes and profiles must carry instead; empty means the same key.',
    ),
  incrementalStreaming: flag(false).describe(
    'Events of /generate streams carry only new text, not all the text so far.',
  ),
  streamInterval: z.int().min(1).default(1).describe('Tokens per stream event.'),
  enableCacheReport: flag(false).describe('Responses report usage.prompt_tokens_details.'),
  prefixCache: flag(true).describe('Prompts with a common prefix share KV cache pages.'),
  prioritySupported: flag(true).describe('If false, a request with a priority is rejected with 503.'),
  defaultChatTokens: count(128).describe('Output length in tokens of a chat request that does not limit it.'),
  scriptSeed: z.int().default(0).describe('Seed of the output text; use one value for the whole fleet.'),
  seed: z
    .int()
    .default(1)
    .describe('Seed of random faults and jitter; each engine derives its own sequence.'),
  recordBodies: count(0).describe('Number of latest request bodies to keep.'),
}

const timingShape = {
  prefillOverheadMs: ms(30).describe('Fixed time of a prefill step.'),
  prefillMsPerToken: ms(0.2).describe('Prefill time per uncached prompt token.'),
  prefillChunk: count(8192).describe('Maximum number of prompt tokens per prefill step.'),
  itlBaseMs: ms(10).describe('Fixed time of a decode step.'),
  itlPerReqMs: ms(0.1).describe('Time that each running request adds to a decode step.'),
  jitter: probability().default(0.1).describe('Fraction by which step times vary.'),
  tokenizeMsPerKTok: ms(1).describe('Tokenization time per 1,000 tokens.'),
  loopDelayMs: ms(5).describe('Time of one turn of an idle scheduler loop.'),
  catchUpMs: ms(50).describe(
    'A step that is late by this much is made up for at once, its tokens sent in one event; 0 turns this off.',
  ),
}

const transferShape = {
  kvBytesPerToken: count(131_072).describe('Size of the KV cache of one token in bytes.'),
  linkGBps: z.number().positive().default(40).describe('Outgoing bandwidth of a prefill engine in GB/s.'),
  transferSetupMs: ms(1).describe('Fixed time of a KV transfer.'),
  transferWorkers: z.int().min(1).default(4).describe('Maximum number of concurrent KV transfers.'),
  metadataSlots: count(0).describe(
    'Maximum number of prefill requests between bootstrap and response; 0 means 2 * maxRunning.',
  ),
}

const timeoutShape = {
  bootstrapTimeoutMs: ms(300_000).describe('How long prefill waits for decode.'),
  waitingTimeoutMs: ms(300_000).describe('How long decode waits for the KV cache.'),
  heartbeatMs: ms(5_000).describe('Interval at which decode checks a bootstrap server.'),
  heartbeatMaxFail: z
    .int()
    .min(1)
    .default(2)
    .describe('Consecutive missed heartbeats after which the rooms of a bootstrap server fail.'),
  handshakeAttempts: z.int().min(1).default(15).describe('Attempts to reach a bootstrap server.'),
  handshakeRetryMs: ms(1_000).describe('Time between these attempts.'),
  unreachableStallMs: ms(5_000).describe(
    'How long an attempt at a bootstrap server that stays silent blocks the whole decode engine; with profiles before sglang-2026-10, also one that refuses connections.',
  ),
  keepAliveMs: ms(5_000).describe('Idle time after which a connection is closed without notice.'),
  disconnectPollMs: ms(4_000).describe(
    'Interval at which a request without output checks whether its client is still connected.',
  ),
  streamAbortDelayMs: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe('Time from the close of a streaming connection to the abort; null follows the profile.'),
  healthMinMs: ms(1_000).describe('Response time of a successful /health check.'),
  healthTimeoutMs: ms(20_000).describe(
    'Response time of a failed /health check if the scheduler is stalled.',
  ),
  drainPollMs: ms(5_000).describe('Interval at which a draining engine checks whether it can exit.'),
  drainCloseMs: ms(50).describe(
    'Time between the last of these checks and the close of the listener. Requests that arrive in it are never answered.',
  ),
  crashedSchedulerMs: ms(65_000).describe(
    'How long the HTTP server accepts requests, and stays silent, after its scheduler has crashed.',
  ),
}

const faultShape = {
  pBase: probability().describe('Probability that a KV transfer fails.'),
  pOver: probability().describe(
    'Probability added for each multiple by which the transfers exceed transferWorkers, up to 0.2 in total.',
  ),
  stickyProb: probability().describe('Probability that a failed transfer breaks its pair (mooncake: 1).'),
  stickyMs: ms(30_000).describe('How long a pair stays broken (mooncake without a probe: forever).'),
  pollFailureProb: probability().describe('Probability that one poll of a KV transfer fails.'),
  rejectOn: z.string().default('').describe('Prompts that contain this text are rejected with 400.'),
  oomAt: count(0).describe('Output tokens after which a request fails out of memory; 0 means never.'),
  crashAtMs: ms(0).describe('Time after its start at which the engine crashes; 0 means never.'),
  crashAfter: count(0).describe('Number of requests on whose arrival the engine crashes; 0 means never.'),
  restartMs: ms(0).describe('Time after which a crashed engine restarts; 0 means never.'),
  stallProb: probability().describe(
    'Probability that a stream pauses after its first event, or a non-streaming response before its head.',
  ),
  stallMs: ms(0).describe('Length of that pause.'),
  blackhole: flag(false).describe('Connections are accepted, but no bytes are ever sent.'),
  resetBeforeHeadProb: probability().describe(
    'Probability that the connection is reset before the response head.',
  ),
  resetMidStreamProb: probability().describe('Probability that a stream is reset partway.'),
  truncateStreamProb: probability().describe(
    'Probability that a stream ends early with a clean close, without [DONE].',
  ),
  errorInStreamProb: probability().describe('Probability that the first event of a stream is an error.'),
  abortInStreamProb: probability().describe('Probability that a request ends with an abort without status.'),
  errorAfterKvProb: probability().describe(
    'Probability that a request fails with 500 once its KV cache has been received.',
  ),
  errorStatus: z.int().min(400).max(599).default(500).describe('Status used by errorStatusProb.'),
  errorStatusProb: probability().describe(
    'Probability that a generation request is rejected with errorStatus.',
  ),
  errorRetryAfterSeconds: count(0).describe('Retry-After of that response; 0 means no such header.'),
  slowFirstByteMs: ms(0).describe('Delay before the first byte of every response.'),
  splitChunks: flag(false).describe('Stream bytes are split at random positions, even within a character.'),
  mergeChunks: count(0).describe('Number of events per write; 0 or 1 writes each event separately.'),
  abortStatusAsInt: flag(false).describe(
    'An aborted chat stream ends without an error event, as with SGLANG_USE_PICKLE_IPC=0 (SGLang 2026-07).',
  ),
  silentAbort: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Whether aborted chat streams end without an error event; null follows the profile.'),
  garbageOnLenMismatch: flag(true).describe(
    'A prefill engine that finds a prompt too long transfers one token of garbage, as SGLang does.',
  ),
  notifyDecodeOnPrefillAbort: flag(false).describe('An aborted prefill request notifies its decode engine.'),
}

export const knobsSchema = z.strictObject({
  ...engineShape,
  ...timingShape,
  ...transferShape,
  ...timeoutShape,
  ...faultShape,
})

/** Mutable, so that tests and fault scripts can change a running engine. */
export type Knobs = z.infer<typeof knobsSchema>

/** Defaults with these changes. @throws Error whose message lists every invalid knob. */
export function knobsWith(changes: Readonly<Record<string, unknown>>): Knobs {
  const { data, error } = knobsSchema.safeParse(changes)
  if (data === undefined) throw new Error(z.prettifyError(error), { cause: error })
  return data
}

/**
 * Changes to some knobs, from a fault script or the control server. The output has only the knobs of the input.
 *
 * `knobsSchema.partial()` does not do: it fills in the defaults of the others.
 */
export const knobChangesSchema = z.record(z.string(), z.unknown()).transform((given, context) => {
  const parsed = knobsSchema.safeParse(given)
  if (parsed.success) return onlyGiven(parsed.data, given)
  for (const { message, path } of parsed.error.issues) {
    context.issues.push({ code: 'custom', message, path: [...path], input: given })
  }
  return z.NEVER
})

/** Knobs for tests: the usual behaviour with short times. */
export const FAST: Partial<Knobs> = {
  prefillOverheadMs: 1,
  prefillMsPerToken: 0,
  itlBaseMs: 1,
  itlPerReqMs: 0,
  jitter: 0,
  tokenizeMsPerKTok: 0,
  loopDelayMs: 1,
  catchUpMs: 0,
  transferSetupMs: 0,
  linkGBps: 10_000,
  handshakeRetryMs: 10,
  unreachableStallMs: 0,
  heartbeatMs: 50,
  disconnectPollMs: 20,
  streamAbortDelayMs: 10,
  healthMinMs: 2,
  healthTimeoutMs: 200,
  drainPollMs: 10,
  prefixCache: false,
}

function onlyGiven(knobs: Knobs, given: object): Partial<Knobs> {
  const chosen = Object.entries(knobs).filter(([name]) => name in given)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- entries of a Knobs object
  return Object.fromEntries(chosen) as Partial<Knobs>
}
