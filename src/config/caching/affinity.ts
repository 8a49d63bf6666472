/** Keys of section `policy` for policies that keep together what belongs together. */
import { z } from 'zod'

/** Names of members, joined by dots. A path with what JSONPath has for elements and patterns would match no member. */
const MEMBER_PATH = /^(?!\$$)[^.\s[\]*]+(\.[^.\s[\]*]+)*$/

/** Headers that HTTP needs, or that describe the body: two of them would make a request ambiguous. */
const OF_HTTP =
  /^(connection|content-.*|expect|host|keep-alive|te|trailer|transfer-encoding|upgrade|accept-encoding)$/

/** What policies that go by routing keys or prompts need to know. */
export const affinityKeys = {
  keyHeaders: z
    .array(
      z
        .string()
        .toLowerCase()
        .regex(/^[\w-]+$/, 'must be the name of a header')
        .refine(name => !OF_HTTP.test(name), 'must not be a header that HTTP itself needs'),
    )
    .default(['x-smg-routing-key', 'x-session-id', 'x-user-id', 'x-tenant-id'])
    .describe(
      'Headers in which a client may send the routing key of a request, for consistent_hashing, manual and policy.sticky. The first that is not empty counts. They are passed on to the engines, whatever the policy.',
    ),
  keyFields: z
    .array(
      z
        .string()
        .overwrite(path => path.replace(/^\$\./, ''))
        .regex(
          MEMBER_PATH,
          'must be names of members joined by dots, such as metadata.user_id, without the brackets and asterisks of JSONPath',
        ),
    )
    .default([
      'prompt_cache_key',
      'session_params.session_id',
      'session_params.id',
      'user',
      'session_id',
      'user_id',
      'metadata.user_id',
    ])
    .describe(
      'Members of the request body in which a client may send the routing key, each as names joined by dots, such as metadata.user_id or $.metadata.user_id. The first that is a number or a text of at most limits.nameBytes counts, if no header of policy.keyHeaders does.',
    ),
  loadFactor: z
    .number()
    .min(1)
    .default(1.25)
    .describe(
      'Requests in flight on an engine, as a multiple of the mean, up to which consistent_hashing, prefix_hash and new keys of manual go to the engine that their hash names. Beyond that the next engine in the order of the hash gets them. For bucket: bytes of prompts to be computed.',
    ),
  loadMargin: z
    .int()
    .min(0)
    .default(4)
    .describe(
      'Requests above the mean that an engine may have in flight before policy.loadFactor counts. For bucket: prompts of the size of the request.',
    ),
  prefixBytes: z
    .int()
    .min(16)
    .max(4_194_304)
    .default(1024)
    .describe('Bytes of the beginning of a prompt that prefix_hash goes by.'),
  assignment: z
    .enum(['hash', 'min_load'])
    .default('hash')
    .describe(
      'Which engine policy manual gives a new routing key: hash, the one that its hash names, or min_load, one with the fewest requests in flight.',
    ),
  sticky: z
    .boolean()
    .default(false)
    .describe(
      'Whether a routing key keeps the engine to which its first request went, whatever the policy: that chooses for the first request and for those without a key. Policies consistent_hashing and manual stay as they are.',
    ),
  stickyKeys: z
    .int()
    .min(4)
    .max(16_777_216)
    .default(262_144)
    .describe(
      'Number of routing keys that policy manual and policy.sticky remember, rounded down to a power of two. Each takes 12 bytes, one for each role.',
    ),
  stickyIdleSecs: z
    .int()
    .min(1)
    .default(14_400)
    .describe(
      'Time, in seconds, after which policy manual and policy.sticky forget a routing key that was not used.',
    ),
  bucketAdjustSecs: z
    .int()
    .min(1)
    .default(5)
    .describe(
      'Interval, in seconds, after which policy bucket lets earlier prompts count for half when it divides the lengths.',
    ),
} as const
