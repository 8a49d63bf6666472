/** Sections `engines` and `health`: the engines known at the start, and how the control thread probes them. */
import { z } from 'zod'
import { MAX_RANKS, type Role } from '../core/engine.ts'
import { kvEventSource } from './caching/kv-events.ts'

/** A number where a URL belongs is a port that this flag, or this engine, does not take. */
const engineUrl = z
  .string()
  .regex(/^https?:\/\//, {
    error: ({ input }) =>
      /^\d+$/.test(String(input))
        ? 'must be a URL: only a prefill engine takes a bootstrap port, and only one'
        : 'must start with http:// or https://',
    abort: true,
  })
  .refine(value => URL.canParse(value), { error: 'must be a URL', abort: true })
  .refine(isOrigin, 'must be an origin such as http://host:port, without user, path or query')
  .transform(value => new URL(value).origin)

/**
 * Whether the URL has no part that `origin` would drop silently. Of `http://host:30000@1` (a rank appended to the
 * port), for example, only `http://0.0.0.1` would be left.
 */
function isOrigin(value: string): boolean {
  const { username, password, pathname, search, hash } = new URL(value)
  return `${username}${password}${search}${hash}` === '' && pathname === '/'
}

const URL_HELP = 'Origin of the engine, such as http://10.0.0.1:30000.'

const apiKey = z.string().min(1).optional()
const OWN_KEY_HELP = 'Key for this engine. Defaults to engines.apiKey.'

const engineSchema = z.strictObject({
  url: engineUrl.describe(URL_HELP),
  apiKey: apiKey.describe(OWN_KEY_HELP),
})

const mixedSchema = engineSchema.extend(kvEventSource)

const BOOTSTRAP_PORT_RANGE = 'the bootstrap port must be 1 to 65535'
const bootstrapPort = z.int().min(1, BOOTSTRAP_PORT_RANGE).max(65_535, BOOTSTRAP_PORT_RANGE)

const prefillSchema = z.strictObject({
  url: engineUrl.describe(URL_HELP),
  bootstrapPort: bootstrapPort
    .optional()
    .describe(
      "Port of the engine's bootstrap server. Defaults to the port that the engine reports, else 8998.",
    ),
  apiKey: apiKey.describe(OWN_KEY_HELP),
  ...kvEventSource,
})

/** Normalizes the URL of an engine, such as `http://Host:1/` to `http://host:1`. An invalid one is returned as is. */
export function asEngineUrl(text: string): string {
  return engineUrl.safeParse(text).data ?? text
}

/** Body of `POST /admin/engines`. */
export const newEngineSchema = z
  .strictObject({
    url: engineUrl,
    role: z.enum(['prefill', 'decode', 'mixed']),
    bootstrapPort: bootstrapPort.optional(),
    apiKey,
    ...kvEventSource,
  })
  .refine(({ role, kvEvents }) => role !== 'decode' || kvEvents === undefined, {
    path: ['kvEvents'],
    error: 'must not be set for a decode engine, whose KV events are not used',
  })

const sectionSchema = z.strictObject({
  mode: z
    .enum(['pd', 'mixed'])
    .optional()
    .describe(
      'Serving mode: pd sends each request to a prefill and a decode engine, mixed to one engine that does both. Defaults to pd if prefill or decode engines are listed, otherwise to mixed.',
    ),
  prefill: z.array(prefillSchema).default([]).describe('Prefill engines, for mode pd.'),
  decode: z.array(engineSchema).default([]).describe('Decode engines, for mode pd.'),
  mixed: z
    .array(mixedSchema)
    .default([])
    .describe('Engines that do both prefill and decode, for mode mixed.'),
  startupTimeoutSecs: z
    .number()
    .positive()
    .default(1800)
    .describe(
      'Time, in seconds, after which an engine that has never responded is logged as an error. The gateway keeps trying.',
    ),
  startupCheckIntervalSecs: z
    .number()
    .positive()
    .default(2)
    .describe('Maximum interval, in seconds, between attempts to reach an engine that is not up.'),
  refreshIntervalSecs: z
    .number()
    .positive()
    .default(5)
    .describe(
      'Interval, in seconds, at which an engine is asked for its models, and every second time for its limits, role and other properties. What has changed is renewed.',
    ),
  loadIntervalSecs: z
    .number()
    .nonnegative()
    .max(86_400)
    .default(2)
    .describe(
      'Interval, in seconds, at which an engine is asked for its load, so that policies by load also count requests from other clients and gateways. 0 turns it off.',
    ),
  pairVersions: z
    .enum(['same', 'any'])
    .default('same')
    .describe(
      'Which prefill and decode engines may be a pair: same requires that they report the same version, any does not, for versions known to work together.',
    ),
  dataParallelRanks: z
    .enum(['auto', 'off'])
    .default('auto')
    .describe(
      'Data-parallel ranks: with auto, each rank of an engine that reports several gets requests as an engine of its own would; off leaves the choice to the engine.',
    ),
  vllmDataParallelSize: z
    .int()
    .min(1)
    .max(MAX_RANKS)
    .default(1)
    .describe('Number of data-parallel ranks of each vLLM engine, which does not report it.'),
  apiKey: apiKey.describe(
    'Key that the gateway sends to engines when it registers and probes them, and to abort requests. Requests carry the key of their client.',
  ),
  adminApiKey: apiKey.describe(
    'Key for what SGLang protects by --admin-api-key: aborts of requests, cache flushes and profiles. Defaults to engines.apiKey.',
  ),
})

/** `engines` section. It may be empty: engines can be added while the gateway runs. */
export const enginesSchema = sectionSchema.transform(section => {
  const isPaired = section.prefill.length + section.decode.length > 0
  return { ...section, mode: section.mode ?? (isPaired ? ('pd' as const) : ('mixed' as const)) }
})

/** `health` section: active probes by the control thread. */
export const healthSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Probe engines. If disabled, every registered engine is considered healthy.'),
  endpoint: z.string().startsWith('/').default('/health').describe('Path of the health probe.'),
  intervalSecs: z
    .number()
    .positive()
    .default(10)
    .describe(
      'Interval, in seconds, between two probes of an engine. After a failed probe it is engines.startupCheckIntervalSecs, if that is less.',
    ),
  timeoutSecs: z
    .number()
    .positive()
    .default(25)
    .describe(
      'Time, in seconds, after which a probe without a response has failed. SGLang takes up to 20 s to find itself unhealthy. While requests succeed on an engine, a slow probe is no failure.',
    ),
  failureThreshold: z
    .int()
    .min(1)
    .default(3)
    .describe('Number of consecutive failed probes that mark an engine unhealthy.'),
  successThreshold: z
    .int()
    .min(1)
    .default(2)
    .describe('Number of consecutive successful probes that mark an unhealthy engine healthy.'),
  giveUpSecs: z
    .number()
    .positive()
    .default(60)
    .describe(
      'Time, in seconds, without a good probe or a successful request after which requests that wait for an unhealthy engine are sent to another. If it refuses connections, they are sent at once.',
    ),
})

/** Roles that a request needs one engine of each. */
export function neededRoles({
  engines,
}: {
  readonly engines: { readonly mode: 'pd' | 'mixed' }
}): readonly Role[] {
  return engines.mode === 'pd' ? ['prefill', 'decode'] : ['mixed']
}
