/** Sections `engines` and `health`: which engines there are, and how the control thread finds out how they are. */
import { z } from 'zod'

const engineUrl = z
  .string()
  .regex(/^https?:\/\//, { error: 'must start with http:// or https://', abort: true })
  .refine(value => URL.canParse(value), { error: 'must be a URL', abort: true })
  .refine(isOrigin, 'must be an origin alone, http://host:port: no user, path or query')
  .transform(value => new URL(value).origin)

/** What would be dropped in silence: of `http://host:30000@1`, a rank behind the port, only `http://0.0.0.1` is left. */
function isOrigin(value: string): boolean {
  const { username, password, pathname, search, hash } = new URL(value)
  return `${username}${password}${search}${hash}` === '' && pathname === '/'
}

const engineSchema = z.strictObject({ url: engineUrl.describe('Origin of the engine: http://host:port.') })

const prefillSchema = z.strictObject({
  url: engineUrl.describe('Origin of the engine: http://host:port.'),
  bootstrapPort: z.int().min(1).max(65_535).optional().describe("Port of the engine's bootstrap server."),
})

/** The URL of an engine as it is kept, however it is written: `http://Host:1/` is `http://host:1`. */
export function asEngineUrl(written: string): string {
  return engineUrl.safeParse(written).data ?? written
}

/** An engine that is added while the gateway runs. */
export const newEngineSchema = z.strictObject({
  url: engineUrl,
  role: z.enum(['prefill', 'decode', 'mixed']),
  bootstrapPort: z.int().min(1).max(65_535).optional(),
})

/** `engines` section: the engines known at the start. None at all is valid. */
export const enginesSchema = z.strictObject({
  mode: z
    .enum(['pd', 'mixed'])
    .default('pd')
    .describe('pd: each request goes through a prefill and a decode engine. mixed: one engine does both.'),
  prefill: z.array(prefillSchema).default([]).describe('Prefill engines.'),
  decode: z.array(engineSchema).default([]).describe('Decode engines.'),
  mixed: z.array(engineSchema).default([]).describe('Engines of the mixed mode.'),
  startupTimeoutSecs: z
    .number()
    .positive()
    .default(1800)
    .describe('How long an engine may take to answer at all before it is reported as failed to start.'),
  startupCheckIntervalSecs: z
    .number()
    .positive()
    .default(2)
    .describe('Longest pause between two tries to reach an engine that is not up yet.'),
})

/** `health` section: active probes by the control thread. */
export const healthSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Without probes every registered engine counts as healthy.'),
  endpoint: z.string().startsWith('/').default('/health').describe('Path that is probed.'),
  intervalSecs: z.number().positive().default(10).describe('Pause between two probes of an engine.'),
  timeoutSecs: z
    .number()
    .positive()
    .default(5)
    .describe('A probe without an answer after so long has failed.'),
  failureThreshold: z
    .int()
    .min(1)
    .default(3)
    .describe('Failed probes in a row that make an engine unhealthy.'),
  successThreshold: z.int().min(1).default(2).describe('Good probes in a row that make it healthy again.'),
})
