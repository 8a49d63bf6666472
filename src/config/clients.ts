/** Keys of the sections `timeouts` and `limits` that govern clients: their connections, request bodies and responses. */
import { z } from 'zod'

/** A day: longer than any load balancer keeps an idle connection. */
export const MAX_WAIT_MS = 86_400_000

/** Part of the `timeouts` section. */
export const clientTimeouts = {
  clientHeadMs: z
    .int()
    .min(100)
    .max(MAX_WAIT_MS)
    .default(30_000)
    .describe(
      'Time, in milliseconds, from the acceptance of a client connection to the end of its first request head. Then the connection is closed.',
    ),
  clientIdleMs: z
    .int()
    .min(100)
    .max(MAX_WAIT_MS)
    .default(75_000)
    .describe(
      'Time, in milliseconds, that a client connection is kept between a response and the end of the next request head. Must be longer than the load balancer in front keeps it (60 s by default for most).',
    ),
  heartbeatMs: z
    .int()
    .min(0)
    .max(MAX_WAIT_MS)
    .default(0)
    .describe(
      'Interval, in milliseconds, of SSE comments to the client of a stream that waits for its first token. The first one sends the response head with status 200, so that later failures are reported within the stream only. 0 disables them.',
    ),
  bodyMs: z
    .int()
    .min(100)
    .max(MAX_WAIT_MS)
    .default(20_000)
    .describe(
      'Time, in milliseconds, within which a client must send limits.bodyProgressBytes more of its request body, or the rest. Then the request is rejected with 408.',
    ),
}

/** Part of the `limits` section. */
export const clientLimits = {
  clientConnections: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum number of open client connections. Beyond it the one that has been idle for longest is closed, or the request body without progress for longest while more of those are open. 0 uses what the file descriptor limit allows.',
    ),
  chunkedBodies: z
    .enum(['accept', 'refuse'])
    .default('accept')
    .describe(
      'Whether chunked request bodies are accepted. A request with one is always the last on its connection. With refuse they are answered with 411: the strict choice, because malformed chunks are not always recognized.',
    ),
  bodyBytes: z.int().min(1024).default(67_108_864).describe('Maximum size of a request body, in bytes.'),
  orderBytes: z
    .int()
    .min(1024)
    .max(1_048_576)
    .default(65_536)
    .describe(
      'Maximum size of the body of a request that holds no prompt, such as an abort, in bytes. It is parsed as a whole.',
    ),
  heldBodyBytes: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum total size, in bytes, of the request bodies held at once: received in part, queued, or running. A quarter is for bodies up to 256 KiB, and half for larger ones. Beyond it uploads of larger ones are paused, then rejected with 503. 0 means a quarter of the memory of the container or machine.',
    ),
  heldResponseBytes: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum total size, in bytes, of the responses that clients have not read yet. Beyond it the client that has not read for longest is disconnected. 0 means an eighth of the memory of the container or machine.',
    ),
  collectedResponseBytes: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Maximum total size, in bytes, of the engine responses that router threads hold because they are sent as a whole. Beyond it the request that holds most is rejected with 503. 0 means an eighth of the memory of the container or machine.',
    ),
  bodyProgressBytes: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(8192)
    .describe(
      'Number of request body bytes that must arrive within each period of timeouts.bodyMs. Otherwise the request is rejected with 408.',
    ),
  headerBytes: z
    .int()
    .min(1024)
    .max(1_048_576)
    .default(16_384)
    .describe('Maximum size of a request head, in bytes.'),
  relayBytesPerStream: z
    .int()
    .min(16_384)
    .default(262_144)
    .describe(
      'Maximum number of bytes of a stream buffered for a slow client. Beyond it the gateway stops reading from the engine.',
    ),
  clientStallMs: z
    .int()
    .min(100)
    .default(300_000)
    .describe(
      'Time, in milliseconds, after which a client that does not read its pending response data is disconnected.',
    ),
}
