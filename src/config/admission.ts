/** Section `admission`: how many requests run at once, and how many may wait in the admission queue. */
import { z } from 'zod'

export const admissionSchema = z.strictObject({
  maxConcurrentRequests: z
    .int()
    .min(-1)
    .default(-1)
    .describe(
      'Maximum number of generation requests that run at once, each until its last byte is sent. -1 or 0 sets no limit beyond what the engines report.',
    ),
  maxPerEngine: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum number of concurrent requests per engine. The limit that the engine reports applies as well; 0 uses only that limit.',
    ),
  maxOvertakes: z
    .int()
    .min(1)
    .default(32)
    .describe(
      'Number of later requests that may start before one that waits for an engine with room, such as a retry that avoids others. Then the next room on an engine is kept for it.',
    ),
  maxParked: z
    .int()
    .min(1)
    .default(1024)
    .describe(
      'Maximum number of requests, of a model whose engines are full or with further prompts or samples to send, that wait for room on engines while later ones start besides them.',
    ),
  queueSize: z
    .int()
    .min(0)
    .default(16_384)
    .describe('Maximum number of requests in the admission queue. Further requests are rejected with 429.'),
  queueBytes: z
    .int()
    .min(0)
    .default(268_435_456)
    .describe(
      'Maximum total size of the bodies in the admission queue, in bytes. A request that does not fit is rejected with 429.',
    ),
  queueTimeoutSecs: z
    .number()
    .positive()
    .default(60)
    .describe('Maximum time in the admission queue, in seconds, before a request gets 503.'),
  outageWaitSecs: z
    .number()
    .min(0)
    .default(5)
    .describe(
      'Maximum time, in seconds, that a request waits in the admission queue while a role has no healthy engine. Then it is rejected with 503.',
    ),
  maxMemoryMb: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Resident memory, in MiB, above which generation requests are rejected with 503. 0 means 80% of the memory of the container or machine.',
    ),
})
