/** Sections `server` and `log`: the gateway process itself. */
import { z } from 'zod'

/** `server` section: listeners, threads and shutdown. */
export const serverSchema = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address on which the gateway accepts requests.'),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(30_000)
    .describe('Port on which the gateway accepts requests. 0 selects a free port.'),
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('Number of router threads. 0 means one less than the number of CPU cores, but at least one.'),
  semiSpaceMb: z
    .int()
    .min(1)
    .max(64)
    .default(32)
    .describe(
      'Size of a V8 semi-space in each router thread, in MiB. A thread has two of them. A smaller value uses less memory and more CPU time.',
    ),
  threadStallMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('Time, in milliseconds, after which a router thread with a blocked event loop is replaced.'),
  shutdownSettleSecs: z
    .number()
    .min(0)
    .max(600)
    .default(5)
    .describe(
      'Time, in seconds, after SIGTERM during which requests are still accepted while /readiness fails, so that load balancers stop sending traffic. Limited to half of server.shutdownGraceSecs.',
    ),
  shutdownGraceSecs: z
    .number()
    .min(0)
    .max(86_400)
    .default(180)
    .describe('Maximum time, in seconds, for open requests to finish after SIGTERM or SIGINT.'),
  requestIdHeaders: z
    .array(
      z
        .string()
        .regex(/^[\w-]+$/, 'must be the name of a header')
        .transform(name => name.toLowerCase()),
    )
    .default(['x-request-id', 'x-correlation-id', 'x-trace-id', 'request-id'])
    .describe(
      'Headers in which a client may send the id of its request. The first usable one counts; it is sent to engines and returned as x-request-id.',
    ),
  routeHeaders: z
    .boolean()
    .default(false)
    .describe(
      'Name the engines, the number of attempts and the reasons for which the engines were chosen in every response to a generation request, as x-pdgw-engines, x-pdgw-attempts and x-pdgw-route. Clients then see addresses of engines.',
    ),
  listenSockets: z
    .int()
    .min(1)
    .max(64)
    .default(16)
    .describe('Number of listening sockets on the port. Each has a backlog of 512 connections.'),
})

/** `log` section. */
export const logSchema = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Minimum severity of log lines: debug, info, warn or error.'),
  json: z.boolean().default(false).describe('Write the log as JSON, one object per line.'),
  dir: z
    .string()
    .min(1)
    .optional()
    .describe('Directory of the log file pd-gateway.log. By default the log goes to standard output.'),
  bufferBytes: z
    .int()
    .min(0)
    .max(1_073_741_824)
    .default(1_048_576)
    .describe(
      'Maximum size, in bytes, of the log lines that each thread keeps while the log cannot be written. Further lines are lost and counted.',
    ),
  burstLines: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe(
      'Number of warnings of the same kind that a thread logs before it summarizes the rest. The same applies to errors.',
    ),
  summarySecs: z
    .number()
    .min(0.1)
    .max(3600)
    .default(10)
    .describe('Interval, in seconds, between two summaries of repeated warnings or errors.'),
})
