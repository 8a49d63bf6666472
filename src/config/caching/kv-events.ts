/** Part `policy.kvEvents`, and where an engine publishes them. */
import { z } from 'zod'

const endpoint = z
  .string()
  .refine(isEndpoint, 'must be an address to connect to, such as tcp://10.0.0.1:5557')
  .optional()

function isEndpoint(value: string): boolean {
  const [, port = '0'] = /^tcp:\/\/[^\s/*@?#]+:(\d{1,5})$/.exec(value) ?? []
  return Number(port) > 0 && URL.canParse(value)
}

/** Keys of an engine that computes prompts. */
export const kvEventSource = {
  kvEvents: endpoint.describe(
    'Where the engine publishes its KV events, such as tcp://10.0.0.1:5557, if it does not say so itself; with several data-parallel ranks, that of rank 0. Used with policy.kvEvents.enabled.',
  ),
  kvEventsReplay: endpoint.describe(
    'Where the engine sends KV events again that were missed, such as tcp://10.0.0.1:6557. Only with kvEvents.',
  ),
}

/** `policy.kvEvents`: exact knowledge of what engines have cached, for policy cache_aware. */
export const kvEventsSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Follow the KV events that engines publish over ZeroMQ, so that policy cache_aware knows what they have cached of prompts of token ids.',
    ),
  maxBlocks: z
    .int()
    .min(1024)
    .max(33_554_432)
    .default(1_048_576)
    .describe(
      'Maximum number of cache blocks to know of all engines. Each takes about 150 bytes of memory, only while it is known.',
    ),
  messageBytes: z
    .int()
    .min(65_536)
    .max(1_073_741_824)
    .default(67_108_864)
    .describe('Maximum size, in bytes, of a message with KV events. A larger one ends the connection.'),
  replayBytes: z
    .int()
    .min(65_536)
    .max(1_073_741_824)
    .default(67_108_864)
    .describe(
      'Maximum size, in bytes, of KV events of an engine that are held while missed ones are asked for.',
    ),
  replayTimeoutMs: z
    .int()
    .min(1)
    .max(600_000)
    .default(10_000)
    .describe('Timeout, in milliseconds, for getting missed KV events from an engine.'),
  reconnectMs: z
    .int()
    .min(200)
    .max(600_000)
    .default(10_000)
    .describe(
      'Maximum interval, in milliseconds, between attempts to connect to the KV events of an engine.',
    ),
})
