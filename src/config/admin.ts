/** Section `admin`: the listener of the control thread, which serves health probes, metrics and the engine API. */
import { z } from 'zod'

/** From 1 ms to 1 h: time to first token and whole generations share these buckets. */
const DURATION_BUCKETS_SECS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1200, 3600,
]

export const adminSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .optional()
    .describe('Address of the admin listener, which serves /metrics and /admin. Defaults to server.host.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(29_000)
    .describe('Port of the admin listener, which serves /metrics and /admin. 0 selects a free port.'),
  healthPort: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe(
      'Another port on server.host that serves only /health, /liveness and /readiness. By default there is none.',
    ),
  maxConnections: z
    .int()
    .min(1)
    .max(1024)
    .default(32)
    .describe(
      'Maximum number of open connections to the admin listener. Beyond it the one that has been idle for longest is closed.',
    ),
  durationBucketsSecs: z
    .array(z.number().positive())
    .min(1)
    .max(64)
    .refine(
      bounds => bounds.every((bound, index) => bound > (bounds[index - 1] ?? 0)),
      'must be in ascending order',
    )
    .default(DURATION_BUCKETS_SECS)
    .describe('Upper bounds of the buckets of every histogram, in seconds, in ascending order.'),
  allowRemoteChanges: z
    .boolean()
    .default(false)
    .describe(
      'Accept changes through /admin from any address, and on both listeners through proxies. If disabled, only local clients may make changes, unless they have admin.key.',
    ),
  key: z
    .string()
    .regex(/^[\x21-\x7e]{8,256}$/, 'must be 8 to 256 printable ASCII characters without spaces')
    .optional()
    .describe(
      'Key that every change must carry, on the admin listener and for /abort_request, /flush_cache, /start_profile and /stop_profile on the main port. With it, changes are accepted from any address.',
    ),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Names that a change on the admin listener may have in its Host header, besides IP addresses, localhost and the name of this machine. The value * allows all.',
    ),
  drainSecs: z
    .number()
    .positive()
    .default(600)
    .describe('Maximum time, in seconds, for a removed engine to finish its in-flight requests.'),
})
