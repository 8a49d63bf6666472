/** Sections `server` and `log`: the gateway's own process. */
import { z } from 'zod'

/** `server` section: where the gateway listens and how many threads it has. */
export const serverSchema = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(30_000).describe('Port to listen on; 0 takes a free one.'),
  workers: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('Router threads; 0 means one less than the cores, at least one.'),
  semiSpaceMb: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe(
      "Half of the space for new objects in a router thread's heap, MiB: more costs memory, less costs CPU time.",
    ),
  threadStallMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('A router thread whose event loop stands still for so long is replaced.'),
  shutdownSettleSecs: z
    .number()
    .min(0)
    .max(600)
    .default(5)
    .describe(
      'After SIGTERM, how long everything is still served while /readiness says no, so that load balancers turn away; at most half of the grace period.',
    ),
  shutdownGraceSecs: z
    .number()
    .min(0)
    .max(86_400)
    .default(180)
    .describe('After SIGTERM or SIGINT, how long open requests may take to finish.'),
  listenSockets: z
    .int()
    .min(1)
    .max(64)
    .default(16)
    .describe('Listening sockets on the one port; each has a backlog of 512 connections.'),
})

/** `log` section. */
export const logSchema = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('Least severe level that is written.'),
  json: z.boolean().default(false).describe('One JSON object a line instead of text for people.'),
  dir: z
    .string()
    .min(1)
    .optional()
    .describe('Folder for the file pd-gateway.log; without it the log goes to standard output.'),
})
