/** Section `admission`: what may be at work at once, and what waits for its turn. */
import { z } from 'zod'

export const admissionSchema = z.strictObject({
  maxConcurrentRequests: z
    .int()
    .min(-1)
    .default(-1)
    .describe('Requests for tokens at work at once, each until its last byte is out; -1 or 0 for no bound.'),
  maxPerEngine: z
    .int()
    .min(0)
    .default(0)
    .describe('Requests sent to one engine at once; 0 takes what the engine names as its maximum.'),
  queueSize: z
    .int()
    .min(0)
    .default(16_384)
    .describe('Requests that may wait for their turn; one more is refused with 429.'),
  queueBytes: z
    .int()
    .min(0)
    .default(268_435_456)
    .describe('Bytes of bodies that may wait; a request that does not fit is refused with 429.'),
  queueTimeoutSecs: z
    .number()
    .positive()
    .default(60)
    .describe('Longest wait for a turn; then the request is refused with 503.'),
  outageWaitSecs: z
    .number()
    .min(0)
    .default(5)
    .describe('Longest wait while no engine is healthy; then the request is refused with 503.'),
  maxMemoryMb: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Resident memory, MiB, above which requests for tokens are refused with 503; 0 takes 80 % of what there is.',
    ),
})
