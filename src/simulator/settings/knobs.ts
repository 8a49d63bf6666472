/**
 * Every knob of a simulated engine, with its default. Times in milliseconds, probabilities 0..1.
 *
 * An engine's knobs may be changed while it runs: a fault knob counts from the next request on.
 */
import { z } from 'zod'

const ms = (byDefault: number) => z.number().min(0).default(byDefault)
const random = () => z.number().min(0).max(1).default(0)
const count = (byDefault: number) => z.int().min(0).default(byDefault)
const flag = (byDefault: boolean) => z.boolean().default(byDefault)

const engineShape = {
  profile: z
    .enum(['sglang-2026-07', 'sglang-2026-02'])
    .default('sglang-2026-07')
    .describe('Engine version to copy.'),
  backend: z.enum(['mooncake', 'nixl']).default('mooncake').describe('KV transfer library.'),
  modelId: z.string().default('sim').describe('Name in /v1/models.'),
  contextLen: count(131_072).describe('Longest prompt plus answer, tokens.'),
  maxReqInputLen: count(0).describe('Longest prompt that the scheduler takes, tokens; 0 = contextLen - 6.'),
  pageSize: count(64).describe('Tokens a KV page.'),
  dpSize: count(1).describe('Data-parallel ranks shown; scheduling is that of one.'),
  maxRunning: count(256).describe('Requests in the running batch.'),
  maxQueued: count(0).describe('Longest queue of a mixed engine; 0 = no bound. PD engines never refuse.'),
  kvTokens: count(480_000).describe('KV cache, tokens.'),
  reservedDecodeTokens: count(512).describe('Tokens kept free for each active request of a decode engine.'),
  apiKey: z.string().default('').describe('Bearer key asked for; empty = none.'),
  incrementalStreaming: flag(false).describe('/generate events carry deltas instead of the text so far.'),
  streamInterval: z.int().min(1).default(1).describe('Tokens an event.'),
  enableCacheReport: flag(false).describe('usage.prompt_tokens_details is filled.'),
  prefixCache: flag(true).describe('Prompts share KV pages of a common beginning.'),
  prioritySupported: flag(true).describe('false: a request with a priority is refused with 503.'),
  defaultChatTokens: count(128).describe('Length of a chat answer that names no maximum.'),
  scriptSeed: z.int().default(0).describe('Seed of the scripted answers; one for the whole fleet.'),
  seed: z.int().default(1).describe('Seed of chance; each engine draws its own sequence.'),
  recordBodies: count(0).describe('How many of the last request bodies to keep.'),
}

const timingShape = {
  prefillOverheadMs: ms(30).describe('Fixed time of a prefill step.'),
  prefillMsPerToken: ms(0.2).describe('Time of an uncached prompt token.'),
  prefillChunk: count(8192).describe('Prompt tokens a prefill step.'),
  itlBaseMs: ms(10).describe('Fixed time of a decode step.'),
  itlPerReqMs: ms(0.1).describe('Time that each running request adds to a decode step.'),
  jitter: random().default(0.1).describe('Share by which step times vary.'),
  tokenizeMsPerKTok: ms(1).describe('Tokenizer time for 1000 tokens.'),
  loopDelayMs: ms(5).describe('Turn of an idle scheduler loop.'),
  catchUpMs: ms(50).describe('Steps late by this are made up for, their tokens told in one event; 0: never.'),
}

const transferShape = {
  kvBytesPerToken: count(131_072).describe('KV cache of a token, bytes.'),
  linkGBps: z.number().positive().default(40).describe('Bandwidth of a prefill engine, GB/s.'),
  transferSetupMs: ms(1).describe('Fixed time of a transfer.'),
  transferWorkers: z.int().min(1).default(4).describe('Transfers at a time.'),
  metadataSlots: count(0).describe('Prefill requests between bootstrap and answer; 0 = 2 * maxRunning.'),
}

const timeoutShape = {
  bootstrapTimeoutMs: ms(300_000).describe('How long prefill waits for decode.'),
  waitingTimeoutMs: ms(300_000).describe('How long decode waits for the KV cache.'),
  heartbeatMs: ms(5_000).describe('Decode looks at the bootstrap server this often.'),
  heartbeatMaxFail: z.int().min(1).default(2).describe('Missed heartbeats until its rooms fail.'),
  handshakeAttempts: z.int().min(1).default(15).describe('Tries to reach a bootstrap server.'),
  handshakeRetryMs: ms(1_000).describe('Time between them.'),
  unreachableStallMs: ms(5_000).describe(
    'How long one try at an unknown host stalls the whole decode engine.',
  ),
  keepAliveMs: ms(5_000).describe('Idle time after which a connection is closed, without notice.'),
  disconnectPollMs: ms(4_000).describe('How often a request without output looks for its client.'),
  streamAbortDelayMs: ms(2_000).describe('From a closed stream to the abort.'),
  healthMinMs: ms(1_000).describe('Least time of a good /health answer.'),
  healthTimeoutMs: ms(20_000).describe('Time of a bad one when the scheduler stands still.'),
  drainPollMs: ms(5_000).describe('How often a draining engine looks whether it may exit.'),
}

const faultShape = {
  pBase: random().describe('Chance that a KV transfer fails.'),
  pOver: random().describe('Chance added for each time that the transfers exceed the workers; 0.2 at most.'),
  stickyProb: random().describe('Chance that a failed transfer breaks its pair (mooncake: 1).'),
  stickyMs: ms(30_000).describe('How long a broken pair stays so (mooncake without probe: for ever).'),
  pollFailureProb: random().describe('Chance that one poll of a transfer fails.'),
  rejectOn: z.string().default('').describe('Prompts that hold this text are refused with 400.'),
  oomAt: count(0).describe('Answers end out of memory after this many tokens; 0 = never.'),
  crashAtMs: ms(0).describe('The process dies this long after its start; 0 = never.'),
  crashAfter: count(0).describe('The process dies on receiving this many requests; 0 = never.'),
  restartMs: ms(0).describe('A dead process comes back after this; 0 = never.'),
  stallProb: random().describe(
    'Chance that a stream pauses after its first event, a whole answer before it.',
  ),
  stallMs: ms(0).describe('Length of that pause.'),
  blackhole: flag(false).describe('Connections are taken, bytes never sent.'),
  resetBeforeHeadProb: random().describe('Chance that the connection is reset before the answer.'),
  resetMidStreamProb: random().describe('Chance that a stream is reset on its way.'),
  truncateStreamProb: random().describe('Chance that a stream ends early and cleanly, without [DONE].'),
  errorInStreamProb: random().describe('Chance that the first event of a stream is an error.'),
  abortInStreamProb: random().describe('Chance that an answer is an abort without status.'),
  errorAfterKvProb: random().describe('Chance that a request fails with 500 once its KV cache is there.'),
  errorStatus: z.int().min(400).max(599).default(500).describe('Status injected by errorStatusProb.'),
  errorStatusProb: random().describe('Chance that a generation request is answered with errorStatus.'),
  errorRetryAfterSeconds: count(0).describe('Retry-After of that answer; 0 = none.'),
  slowFirstByteMs: ms(0).describe('Delay of every answer.'),
  splitChunks: flag(false).describe('Stream bytes are cut at random places, inside characters too.'),
  mergeChunks: count(0).describe('Events written together; 0 or 1 = each alone.'),
  abortStatusAsInt: flag(false).describe(
    'Chat streams end in silence when aborted, the status being a number.',
  ),
  silentAbort: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Chat streams never carry an error event; null = as the profile has it.'),
  garbageOnLenMismatch: flag(true).describe('A prefill that finds a prompt too long hands over nonsense.'),
  notifyDecodeOnPrefillAbort: flag(false).describe('An aborted prefill tells its decode.'),
}

export const knobsSchema = z.strictObject({
  ...engineShape,
  ...timingShape,
  ...transferShape,
  ...timeoutShape,
  ...faultShape,
})

/** Mutable on purpose: tests turn faults on and off between requests. */
export type Knobs = z.infer<typeof knobsSchema>

/** @throws Error in words, which names every wrong knob. */
export function knobsWith(changes: Readonly<Record<string, unknown>>): Knobs {
  const { data, error } = knobsSchema.safeParse(changes)
  if (data === undefined) throw new Error(z.prettifyError(error), { cause: error })
  return data
}

/**
 * Changes of some knobs, from a file or the wire: only those that were given come out.
 *
 * Not `knobsSchema.partial()`: that fills in the default of every knob that is not there.
 */
export const knobChangesSchema = z.record(z.string(), z.unknown()).transform((given, context) => {
  const parsed = knobsSchema.safeParse(given)
  if (parsed.success) return onlyGiven(parsed.data, given)
  for (const { message, path } of parsed.error.issues) {
    context.issues.push({ code: 'custom', message, path: [...path], input: given })
  }
  return z.NEVER
})

/** A fleet for tests: real behaviour, small times. */
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
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- entries of a Knobs object, put together again
  return Object.fromEntries(chosen) as Partial<Knobs>
}
